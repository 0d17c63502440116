/** Who a server runs as. */
export interface ServerUser {
  uid: number;
  gid: number;
}

/** What a private server that a test started can do. */
export interface PrivateServer {
  readonly name: string;
  readonly url: string;
  readonly port: number;
  /** Data and log; removed by `stop()`. */
  readonly folder: string;
  readonly running: boolean;
  /** Undefined while it doesn't run. */
  readonly pid: number | undefined;
  /** Its own process and those it started. */
  readonly pids: number[];
  /** The end of what it printed. */
  readonly log: string;
  /** Freezes every process of the server (SIGSTOP): connections stay open and nothing answers. */
  pause(): void;
  resume(): void;
  /** Ends it at once, as a crash would (SIGKILL). Folder and port are kept for `restart()`. */
  kill(): Promise<void>;
  /** Ends it as an administrator would. Folder and port are kept for `restart()`. */
  halt(): Promise<void>;
  /** Starts it on the same port and folder, ending it first where it runs. Resolves when it answers. */
  restart(): Promise<this>;
  /** Ends it and removes its folder. May be called again. */
  stop(): Promise<void>;
}

export interface ServerProcessOptions {
  name: string;
  port: number;
  url: string;
  command: string;
  args: string[];
  folder: string;
  user?: ServerUser | undefined;
  env?: Record<string, string>;
  /** Rejects until the server answers; called again and again. */
  ready: () => Promise<unknown>;
  /** Signal for an orderly end. Default SIGTERM. */
  stopSignal?: NodeJS.Signals;
  /** Default 60,000 ms. */
  startTimeoutMs?: number;
}

export declare class ServerProcess implements PrivateServer {
  constructor(options: ServerProcessOptions);
  readonly name: string;
  readonly url: string;
  readonly port: number;
  readonly folder: string;
  readonly running: boolean;
  readonly pid: number | undefined;
  readonly pids: number[];
  readonly log: string;
  start(): Promise<this>;
  pause(): void;
  resume(): void;
  kill(): Promise<void>;
  halt(): Promise<void>;
  restart(): Promise<this>;
  stop(): Promise<void>;
}

export declare function findProgram(...names: string[]): string | undefined;
export declare function isProgram(path: string): boolean;
export declare function freePort(busOffset?: number): Promise<number>;
export declare function canConnect(port: number, host?: string): Promise<void>;
export declare function unprivilegedUser(): ServerUser | undefined;
export declare function serverFolder(name: string, user?: ServerUser): string;
export declare function withFreshPort<T>(start: (port: number) => Promise<T>, busOffset?: number): Promise<T>;
