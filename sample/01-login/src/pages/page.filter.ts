import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException, Logger } from '@nestjs/common';
import type { Request, Response } from 'express';
import { SessionStoreError, SessionUnavailableError } from 'nestjs-keycard';
import { messagePage } from './message.page.js';

const AWAY = 'We can not reach the place where sessions are kept. Nothing is lost: please try again in a moment.';

/** Turns errors into pages, and into JSON where a script asked. */
@Catch()
export class PageFilter implements ExceptionFilter {
  private readonly logger = new Logger(PageFilter.name);

  catch(error: unknown, host: ArgumentsHost): void {
    const req = host.switchToHttp().getRequest<Request>();
    const res = host.switchToHttp().getResponse<Response>();
    const status = statusOf(error);
    if (status >= 500) this.logger.error(error);
    if (res.headersSent) {
      res.end();
      return;
    }
    // What could not be saved is given up: the page below has to leave without another try.
    if (status === 503) {
      Object.assign(req, { session: null });
      res.setHeader('Retry-After', '5');
    }
    if (req.accepts(['html', 'json']) === 'json') this.asJson(res, status, error);
    else if (status === 401) res.redirect(303, wayIn(req, error));
    else this.asPage(req, res, status, error);
  }

  private asJson(res: Response, status: number, error: unknown): void {
    res.status(status).json({ statusCode: status, message: status === 503 ? AWAY : plainMessage(status, error) });
  }

  private asPage(req: Request, res: Response, status: number, error: unknown): void {
    res.status(status);
    if (status === 503) res.send(messagePage('One moment, please', AWAY, req.method === 'GET' ? req.originalUrl : '/'));
    else if (status === 404) res.send(messagePage('No such room', 'There is nothing at this address.'));
    else res.send(messagePage('That did not work', plainMessage(status, error)));
  }
}

function statusOf(error: unknown): number {
  if (error instanceof SessionStoreError || error instanceof SessionUnavailableError) return 503;
  if (error instanceof HttpException) return error.getStatus();
  return 500;
}

/** A message of ours is for the visitor; that of an error that nobody expected is for the log. */
function plainMessage(status: number, error: unknown): string {
  return status < 500 && error instanceof HttpException ? error.message : 'Something went wrong on our side.';
}

/** To the login page, or where the visitor is logged in, but not lately, to the one that asks for the password again. */
function wayIn(req: Request, error: unknown): string {
  const { reason } = (error as HttpException).getResponse() as { reason?: string };
  return reason === 'recent-login-required' ? '/confirm' : `/login?notice=${reasonFor(req)}`;
}

/** A cookie that opens nothing is that of an expired session, of one that was logged out elsewhere, or tampered with. */
function reasonFor(req: Request): string {
  return /(?:^|;\s*)sid=/.test(req.headers.cookie ?? '') ? 'session-ended' : 'login-required';
}
