import { All, Controller, Param, Req, Res, type Type } from '@nestjs/common';
import type { Request, Response } from 'express';
import { Session } from 'nestjs-keycard';
import { expressLike } from './express-like.js';

/** A session whose keys a test makes up. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type AnySession = Session<Record<string, any>>;
export type Script = (session: AnySession, req: Request & { session?: AnySession }, res: Response) => unknown;

/** A controller whose routes are functions: `/s/<name>` asks for the session by `@Session()`, `/r/<name>` leaves that to `req.session`. */
export function scripted(scripts: Record<string, Script>): Type {
  const run = async (name: string, session: AnySession, req: Request, res: Response): Promise<void> => {
    const script = scripts[name];
    if (script === undefined) throw new Error(`There is no script named ${name}.`);
    const response = expressLike(res);
    const result = await script(session, req as never, response);
    if (!response.writableEnded) response.send(typeof result === 'object' ? result : String(result ?? 'ok'));
  };

  @Controller()
  class ScriptedController {
    @All('s/:name')
    session(@Param('name') name: string, @Session() session: Session, @Req() req: object, @Res() res: object) {
      return run(name, session as unknown as AnySession, req as Request, res as Response);
    }

    @All('r/:name')
    request(@Param('name') name: string, @Req() req: object, @Res() res: object) {
      return run(name, undefined as never, req as Request, res as Response);
    }
  }
  return ScriptedController;
}
