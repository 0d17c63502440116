export interface User {
  readonly id: string;
  readonly name: string;
  /** scrypt; see password.ts. */
  readonly passwordHash: string;
}

/** A database's place is here. The passwords are said at the start, which no real app does. */
export const users: readonly (User & { readonly demoPassword: string })[] = [
  {
    id: '1',
    name: 'virginia',
    demoPassword: 'lighthouse keeper',
    passwordHash: 'bTsVBUoydv7X-AdCHdiL6Q.oDC82BgKEtwgCQGdJ2aqQZ0k3Cbcb_6hpwets66DgC8',
  },
  {
    id: '2',
    name: 'winslow',
    demoPassword: 'paper boat',
    passwordHash: 'OcJqu9X828QKEnMrkh4AXw.ltlwqatmt9KzMSDsHOyi21zg7_DiO4ovjgqVTw7nuOM',
  },
];
