/** What this app keeps in a session. From here on `session.cart` and `@Session('cart')` are typed everywhere. */
declare module 'nestjs-keycard' {
  interface SessionData {
    user: { name: string; displayName: string };
    visits: number;
    /** How many of each item of the menu. */
    cart: Record<string, number>;
  }
}

export {};
