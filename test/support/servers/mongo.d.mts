import type { PrivateServer } from './process.mjs';

export interface MongoServer extends PrivateServer {
  readonly kind: 'mongod' | 'mongo-java-server';
}

export declare function findMongoServer(): string | undefined;
export declare function startMongo(options?: { args?: string[] }): Promise<MongoServer>;
export declare function answersMongo(url: string): Promise<void>;
