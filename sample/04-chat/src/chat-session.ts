import type { Session } from 'nestjs-keycard';

/** What this app keeps in a session. */
export interface ChatData {
  user: { name: string };
  /** How many lines were said in it. */
  said?: number;
}

export type ChatSession = Session<ChatData>;
