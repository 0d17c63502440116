export declare function ferretPath(): string;
export declare function findGo(): string | undefined;
export declare function buildFerret(): Promise<string>;
