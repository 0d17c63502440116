import type { SessionOptions, SessionStore } from 'nestjs-keycard';

export interface EngineServer {
  readonly port: number;
  close(): Promise<unknown>;
}

export function serveEngine(
  engine: object,
  store: SessionStore,
  options: Partial<SessionOptions>,
): Promise<EngineServer>;
