import { Injectable } from '@nestjs/common';
import { verifyPassword } from './password.js';
import { type User, users } from './users.data.js';

/** For a name that nobody has: the answer then takes as long as for a wrong password, and tells no names. */
const NOBODY = users[0]!.passwordHash;

@Injectable()
export class UsersService {
  find(id: string): User | undefined {
    return users.find((user) => user.id === id);
  }

  /** The user whose name and password these are. */
  async verify(name: string, password: string): Promise<User | undefined> {
    const user = users.find((each) => each.name === name.trim().toLowerCase());
    const isRight = await verifyPassword(password, user?.passwordHash ?? NOBODY);
    return isRight ? user : undefined;
  }
}
