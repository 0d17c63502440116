export interface SecurityRow {
  readonly requirement: string;
  readonly tests: readonly string[];
  readonly leftToApp: string;
}
export interface JestReport {
  readonly testResults: readonly {
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[];
  }[];
}
export const STORES: readonly string[];
export function rowsOf(markdown: string): SecurityRow[];
export function missingStores(report: JestReport): string[];
export function faultsOf(rows: readonly SecurityRow[], report: JestReport): string[];
