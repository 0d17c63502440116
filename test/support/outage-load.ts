import { setTimeout as wait } from 'node:timers/promises';
import { Controller, Get, HttpCode, Post, UseGuards } from '@nestjs/common';
import { Session, SessionGuard } from 'nestjs-keycard';
import { Jar, post } from './app.js';

@Controller()
export class OutageController {
  @Post('login')
  @HttpCode(200)
  async login(@Session() session: Session) {
    await session.login('7', { user: { name: 'Ann' } });
    return {};
  }

  @Post('count')
  @HttpCode(200)
  count(@Session() session: Session) {
    session['count'] = ((session['count'] ?? 0) as number) + 1;
    return { count: session['count'] };
  }

  @Get('home')
  @UseGuards(SessionGuard)
  home(@Session('count') count: unknown) {
    return { count: count ?? 0 };
  }

  @Get('plain')
  plain() {
    return {};
  }
}

const ROUTES = ['count', 'home', 'plain'] as const;

/** One answer. */
export interface Answer {
  readonly route: (typeof ROUTES)[number];
  readonly began: number;
  readonly ended: number;
  readonly status: number;
  readonly setCookie: readonly string[];
}

/** Somebody who is logged in, and asks for one page after the other: one that changes the session, one that is guarded, one that needs none. */
export class Visitor {
  readonly jar = new Jar();
  readonly answers: Answer[] = [];
  private going = true;
  private done: Promise<void> | undefined;

  /** @param first which route to begin with: visitors in step would all ask for the page that needs no session, just as the server goes. */
  constructor(
    private readonly url: string,
    private readonly first: number,
  ) {}

  async start(): Promise<void> {
    const response = await this.jar.fetch(`${this.url}/login`, post());
    if (response.status !== 200) throw new Error(`The login got ${response.status}.`);
    this.done = this.run();
  }

  async stop(): Promise<void> {
    this.going = false;
    await this.done;
  }

  /** How often it was told that its change was saved, and how often it tried. */
  get changes(): { saved: number; tried: number } {
    const tries = this.answers.filter(({ route }) => route === 'count');
    return { saved: tries.filter(({ status }) => status === 200).length, tried: tries.length };
  }

  async home(): Promise<{ status: number; count: number | undefined }> {
    const response = await this.jar.fetch(`${this.url}/home`);
    return { status: response.status, count: ((await response.json()) as { count?: number }).count };
  }

  private async run(): Promise<void> {
    for (let n = this.first; this.going; n += 1) {
      const route = ROUTES[n % ROUTES.length]!;
      const began = Date.now();
      const response = await this.jar.fetch(`${this.url}/${route}`, {
        ...(route === 'count' ? post() : {}),
        signal: AbortSignal.timeout(15_000),
      });
      await response.arrayBuffer();
      this.answers.push({
        route,
        began,
        ended: Date.now(),
        status: response.status,
        setCookie: response.headers.getSetCookie(),
      });
      await wait(15);
    }
  }
}
