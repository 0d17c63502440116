export declare function mongoJavaPath(): string;
export declare function hasJava(): boolean;
export declare function buildMongoJava(): Promise<string>;
