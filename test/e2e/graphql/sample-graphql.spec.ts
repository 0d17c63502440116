import { afterAll, describe, expect, it } from '@jest/globals';
import { Jar, post } from '../../support/app.js';
import { connectGraphql, type GraphqlAnswer, type GraphqlClient } from '../../support/graphql-client.js';
import { useSampleApp } from '../../support/sample-app.js';

const LOGIN = 'mutation { login(name: "virginia", password: "lighthouse keeper") }';

describe('sample 05-graphql (#15.5, #15.8)', () => {
  const sample = useSampleApp(() => import('../../../sample/05-graphql/src/app.module.js'));
  const clients: GraphqlClient[] = [];
  afterAll(async () => {
    for (const client of clients) await client.close();
  });

  const ask = async (jar: Jar, query: string) =>
    (await (await jar.fetch(`${sample.url}/graphql`, post({ query }))).json()) as GraphqlAnswer;
  const listen = async (jar: Jar) => {
    const client = await connectGraphql(sample.url, { cookie: jar.header, origin: sample.url });
    clients.push(client);
    const events = client.events('subscription { messages { by room text } }');
    const next = () => events.next().then(({ value }) => (value as GraphqlAnswer).data?.messages);
    const first = next();
    // The server answers in turn: by then it has subscribed.
    await client.ask('{ me }');
    return { client, first, next };
  };

  it('does what its README says', async () => {
    const [here, other] = [new Jar(), new Jar()];
    expect(await ask(here, '{ me }')).toMatchObject({ data: { me: null } });
    expect((await ask(here, 'mutation { say(text: "hello") }')).errors?.[0]).toMatchObject({
      message: 'Please log in.',
      extensions: { code: 'UNAUTHENTICATED' },
    });
    for (const jar of [here, other]) expect(await ask(jar, LOGIN)).toMatchObject({ data: { login: 'virginia' } });
    const [heard, hall] = [await listen(here), await listen(other)];
    await ask(here, 'mutation { say(text: "hello") }');
    const hello = { by: 'virginia', room: 'hall', text: 'hello' };
    expect(await Promise.all([heard.first, hall.first])).toEqual([hello, hello]);

    expect(await ask(here, '{ room }')).toMatchObject({ data: { room: 'hall' } });
    await heard.client.ask('mutation { enter(room: "garden") }');
    expect(await ask(here, '{ room }')).toMatchObject({ data: { room: 'garden' } });
    const inGarden = heard.next();
    await ask(other, 'mutation { say(text: "to the hall") }');
    await ask(here, 'mutation { say(text: "to the garden") }');
    expect(await inGarden).toMatchObject({ room: 'garden', text: 'to the garden' });

    expect(await ask(here, 'mutation { logOutOthers }')).toMatchObject({ data: { logOutOthers: 1 } });
    expect(await hall.client.closed).toBe(4401);
    expect(await heard.client.ask('{ me }')).toMatchObject({ data: { me: 'virginia' } });
    await ask(here, 'mutation { logout }');
    expect(await heard.client.closed).toBe(4401);
    expect(await ask(here, '{ me }')).toMatchObject({ data: { me: null } });
  });

  it('has a page', async () => {
    for (const [path, type] of [
      ['', 'text/html'],
      ['app.js', 'text/javascript'],
      ['style.css', 'text/css'],
    ] as const) {
      const answer = await fetch(`${sample.url}/${path}`);
      expect([answer.status, answer.headers.get('content-type')]).toEqual([200, `${type}; charset=utf-8`]);
    }
  });
});
