import { describe, expect, it } from '@jest/globals';
import type { ServerResponse } from 'node:http';
import session, { keycard } from 'nestjs-keycard/express';
import { type Req, serve } from '../../support/express-app.js';
import { copyOf, Gate } from '../../support/login-app.js';

const gate = new Gate();

describe('logins in flight under nestjs-keycard/express', () => {
  it.each([[{ user: { id: 'ann' } }], [undefined]])(
    'a login in flight takes nothing of whom another request logged in by the data (#11): login data %j',
    async (data) => {
      const handler = async (req: Req, res: ServerResponse): Promise<void> => {
        const { url, session: own } = req;
        if (url === '/begin') own['cart'] = 1;
        if (url === '/bob') Object.assign(own, { user: { id: 'bob' }, secret: 'of bob' });
        if (url === '/ann') {
          await gate.pass('ann');
          await keycard(own as never).login('ann', data);
        }
        const { principal } = keycard(own as never).info;
        res.end(JSON.stringify({ principal, ...own, cookie: undefined }));
      };
      const app = await serve(session as never, {}, handler as never);
      await app.get('/begin');
      const tab = copyOf(app.jar as never);
      const door = gate.close('ann');
      const late = tab.fetch(`${app.url}/ann`);
      await door.arrived;
      await app.get('/bob');
      door.open();
      expect((await late).status).toBe(200);
      expect(await (await tab.fetch(`${app.url}/look`)).json()).toEqual({ principal: 'ann', ...data });
    },
  );
});
