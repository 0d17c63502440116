import type { Action, Plan, Verb } from './plan.js';

/** A point of the run: `step` orders points, `time` is in virtual ms. */
export interface Point {
  readonly step: number;
  readonly time: number;
}

/** Later than all that happens. */
export const NEVER_ENDED: Point = { step: Number.POSITIVE_INFINITY, time: Number.POSITIVE_INFINITY };

/** What a request saw of its session. */
export interface Observation {
  /** When the request reached the server. */
  readonly began: Point;
  /** When it had read the session. */
  readonly at: Point;
  readonly process: number;
  /** The id in the cookie that the browser sent. */
  readonly sentId: string | undefined;
  /** Whether the guard let it in. */
  readonly letIn: boolean;
  readonly principal: string | undefined;
  readonly handle: string;
  readonly isNew: boolean;
  /** What the process' clock said. */
  readonly clock: number;
  readonly createdAt: number;
  readonly authenticatedAt: number | undefined;
  readonly originalMaxAge: number | null;
  readonly data: Readonly<Record<string, unknown>>;
  /** Of a check at a quiet moment: how long after the last request that began. */
  readonly probe?: 'near' | 'late' | undefined;
}

/** A verb that a handler called, or a method of the registry. */
export interface Operation {
  readonly id: string;
  readonly verb: Verb;
  readonly request: RequestRecord;
  readonly began: Point;
  /** When the store first heard of it: from then on it has begun, for whoever else asks the store. */
  heard: Point | undefined;
  ended: Point;
  outcome: 'ok' | 'error' | undefined;
  error: string | undefined;
  /** The session that it is about; of a login the one after it. */
  handle: string | undefined;
  /** Whose it was before. */
  principalBefore: string | undefined;
  handleBefore: string | undefined;
  /** The id before a login, `confirmLogin()`, …. */
  idBefore: string | undefined;
  value: string | undefined;
}

export interface RegistryRecord {
  readonly action: Extract<Action, { kind: 'registry' }>;
  readonly began: Point;
  ended: Point;
  outcome: 'ok' | 'error' | undefined;
  error: string | undefined;
  result: unknown;
  /** The session that is meant, or spared. */
  readonly handle: string | undefined;
  /** `open`: the update that was made. */
  updateId: string | undefined;
}

export interface RequestRecord {
  readonly name: string;
  readonly action: Extract<Action, { kind: 'request' }> | undefined;
  readonly process: number;
  readonly sentId: string | undefined;
  began: Point;
  /** When the first bytes left. */
  released: Point;
  status: number | undefined;
  /** The id that its Set-Cookie gave; `''`: the cookie was cleared. */
  setId: string | undefined;
  error: string | undefined;
  readonly operations: Operation[];
  /** The session when the handler ended. */
  endHandle: string | undefined;
  /** How long the handler itself waited, in ms. */
  waited: number;
  clientLeft: boolean;
  /** When the session had been read, and the handler began. */
  handlerBegan: Point;
  handlerEnded: boolean;
  handlerEndedAt: Point;
  /** It has written a new record. */
  wroteNew: boolean;
  /** After that it has written to the record of a principal: its login counts. */
  settled: boolean;
  /** Its process died while it ran. */
  died: boolean;
  /** When it went on to write to the store after that. */
  wroteAfterDeath: number | undefined;
  /** It went on to answer, and wrote nothing before. */
  releasedAfterDeath: boolean;
}

/** All that was seen of a run. */
export interface History {
  readonly plan: Plan;
  readonly requests: RequestRecord[];
  /** Requests of the observer at a quiet moment, each of which also changes its session. */
  readonly probes: RequestRecord[];
  readonly registry: RegistryRecord[];
  readonly observations: Observation[];
  /** The registry's lists at a quiet moment: handles by principal. */
  readonly lists: Map<string, string[]>;
  readonly lostKeys: string[];
  readonly lostMarks: string[];
  readonly lostEntries: string[];
  /** Promises that failed with nobody there. */
  readonly unhandled: string[];
  /** When the last request had ended. */
  quiet: Point;
  readonly trace: string[];
}
