export interface User {
  readonly id: string;
  readonly name: string;
  readonly displayName: string;
  /** Made with hashPassword(). */
  readonly passwordHash: string;
}

/** A database's place is here. The passwords are shown on the login page, which no real app does. */
export const users: readonly (User & { readonly demoPassword: string })[] = [
  {
    id: '1',
    name: 'ada',
    displayName: 'Ada Lovelace',
    demoPassword: 'analytical engine',
    passwordHash: 'gVGjYZE-eGyUFc82to0xAw.qRmbNGW3c4J5L4wWYzvgjWG4h4V-5FWzi_HFFEeb9Kw',
  },
  {
    id: '2',
    name: 'grace',
    displayName: 'Grace Hopper',
    demoPassword: 'nanosecond of wire',
    passwordHash: '-B76YgvqvU20FSlFTOKcPQ.njhKLhgHzjeRKRabGNiAGmcCwI0V63Fj4ORmfaJDBEw',
  },
  {
    id: '3',
    name: 'alan',
    displayName: 'Alan Turing',
    demoPassword: 'paper tape machine',
    passwordHash: 'dJPoPGxx4kZ81DQHe8hB0Q.dXeuJj1S5rACOLvz5g2CRsZ_VLolyi6mJimWg2WK1EQ',
  },
];
