/** What this app keeps in a session, beside what passport keeps there: `Session<GuestData>`. */
export interface GuestData {
  requests: string[];
}
