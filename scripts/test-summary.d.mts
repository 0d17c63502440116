export declare function summarize(reportFile: string, exitCode: number): { passed: number; failed: number };
