import { UnauthorizedException } from '@nestjs/common';
import { Args, Int, Mutation, Query, Resolver } from '@nestjs/graphql';
import { Principal, RequireSession, Session, SessionRegistry } from 'nestjs-keycard';
import { UsersService } from './users/users.service.js';

@Resolver()
export class AccountResolver {
  constructor(
    private readonly users: UsersService,
    private readonly registry: SessionRegistry,
  ) {}

  /** `null` for a guest. */
  @Query(() => String, { nullable: true })
  me(@Session('user') user: { name: string } | undefined) {
    return user?.name;
  }

  /** A new id for the session, whose cookie comes with the answer: over HTTP alone. */
  @Mutation(() => String)
  async login(@Session() session: Session, @Args('name') name: string, @Args('password') password: string) {
    const user = await this.users.verify(name, password);
    if (user === undefined) throw new UnauthorizedException('The name or the password is wrong.');
    await session.login(user.id, { user: { name: user.name } });
    return user.name;
  }

  @Mutation(() => Boolean)
  async logout(@Session() session: Session) {
    await session.logout();
    return true;
  }

  /** Their subscriptions end, too. */
  @Mutation(() => Int)
  @RequireSession()
  async logOutOthers(@Session() session: Session, @Principal() principal: string) {
    return this.registry.revokeAll(principal, { except: session });
  }
}
