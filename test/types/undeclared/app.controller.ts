import { Controller, Get, Post } from '@nestjs/common';
import { Session } from 'nestjs-keycard';

/** Where nothing is declared, any text key holds `unknown`, and it compiles. */
@Controller()
export class AppController {
  @Get()
  all(@Session() session: Session, @Session('anything') value: unknown) {
    session.anything = 'text';
    session.views = 1;
    delete session.views;
    const unknown: unknown = session.other;
    // @ts-expect-error not known to be a text
    const text: string = session.other;
    // @ts-expect-error what a session can do is typed all the same
    void session.save(7);
    return [value, unknown, text];
  }

  @Post()
  async login(@Session() session: Session) {
    await session.login(7, { user: { name: 'Ann' } });
    // @ts-expect-error a principal is text or a number
    await session.login({ id: 7 });
    const { principal, createdAt } = session.info;
    return { principal: principal satisfies string | undefined, createdAt: createdAt satisfies Date };
  }
}

/** Types of one's own, without declaring them. */
export function typed(session: Session<{ cart: string[] }>): string | undefined {
  // @ts-expect-error a typo
  void session.crat;
  return session.cart?.[0];
}
