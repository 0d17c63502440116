export declare function canInstall(): boolean;
export declare function installPackages(packages: string[]): Promise<Record<string, string>>;
