export interface ParityRow {
  readonly item: string;
  readonly test: string;
}
export interface JestReport {
  readonly testResults: readonly {
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[];
  }[];
}
export function rowsOf(markdown: string): ParityRow[];
export function faultsOf(rows: readonly ParityRow[], report: JestReport): string[];
