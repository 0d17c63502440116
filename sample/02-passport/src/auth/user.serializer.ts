import { Injectable } from '@nestjs/common';
import { PassportSerializer } from '@nestjs/passport';
import type { User } from '../users/users.data.js';
import { UsersService } from '../users/users.service.js';

type Done = (error: Error | null, value?: unknown) => void;

/** What passport keeps of a user in the session, at `session.passport.user`: the id, from which nestjs-keycard knows the principal too. */
@Injectable()
export class UserSerializer extends PassportSerializer {
  constructor(private readonly users: UsersService) {
    super();
  }

  serializeUser(user: User, done: Done): void {
    done(null, user.id);
  }

  /** A user who is no more is nobody. */
  deserializeUser(id: string, done: Done): void {
    done(null, this.users.find(id) ?? false);
  }
}
