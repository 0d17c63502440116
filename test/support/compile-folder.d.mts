export function compileFolder(source: string, target: string, format?: 'es6' | 'commonjs'): Promise<void>;
