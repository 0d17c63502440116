import type { ServerName } from './catalog.mjs';

export interface Broker {
  readonly address: string;
  urlOf(name: ServerName): Promise<string>;
  stop(): Promise<void>;
}

export declare function startBroker(): Promise<Broker>;
