import type { Jar } from './app.js';

/** An event stream as a client reads it. */
export class EventStream {
  private constructor(
    readonly answer: Response,
    private readonly reader: ReadableStreamDefaultReader<Uint8Array>,
    /** As a client that closes its page. */
    readonly leave: () => void,
  ) {}

  static async open(url: string, jar: Jar): Promise<EventStream> {
    const leaving = new AbortController();
    const answer = await jar.fetch(url, { signal: leaving.signal });
    return new EventStream(answer, answer.clone().body!.getReader(), () => leaving.abort());
  }

  /** The data of the next event; `undefined`: the stream has ended. */
  async next(): Promise<unknown> {
    for (;;) {
      const { value, done } = await this.reader.read();
      if (done) return undefined;
      const data = /data: (.*)/.exec(new TextDecoder().decode(value))?.[1];
      if (data !== undefined) return JSON.parse(data);
    }
  }
}
