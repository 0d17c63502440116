import { type CanActivate, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import 'nestjs-keycard';
import 'nestjs-keycard/fastify-request';

declare module 'nestjs-keycard' {
  interface SessionData {
    user: { id: number; name: string };
  }
}

export class Guard implements CanActivate {
  async canActivate(context: ExecutionContext) {
    const { session } = context.switchToHttp().getRequest<FastifyRequest>();
    const name: string | undefined = session.user?.name;
    // @ts-expect-error a typo in a key
    void session.usr;
    await session.update((draft) => void draft.user);
    return name === 'Ann';
  }
}
