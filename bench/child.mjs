/** A forked process that answers requests: the bench's servers, and its load generator. */
import { fork } from 'node:child_process';

export class Child {
  #process;
  #waiting = new Map();
  #lastId = 0;
  #ended;

  constructor(script, { env = {}, execArgv = [] } = {}) {
    this.#process = fork(script, [], { env: { ...process.env, NODE_OPTIONS: '', ...env }, execArgv });
    this.#process.on('message', ({ id, value, error }) => {
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error === undefined) waiting?.resolve(value);
      else waiting?.reject(new Error(error));
    });
    this.#ended = new Promise((resolve) => {
      this.#process.once('exit', (code, signal) => {
        for (const { reject } of this.#waiting.values()) reject(new Error(`${script} ended (${code ?? signal}).`));
        this.#waiting.clear();
        resolve();
      });
    });
  }

  /** Asks for something by name; `answer()` in the child says what it is. */
  ask(name, argument) {
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#process.send({ id, name, argument }, (error) => error && reject(error));
    });
  }

  async end() {
    if (this.#process.connected) this.#process.disconnect();
    const late = setTimeout(() => this.#process.kill('SIGKILL'), 5_000);
    await this.#ended;
    clearTimeout(late);
  }
}

/** In the child: answers each request with the function of its name. */
export function answer(functions) {
  const send = (message) => process.connected && process.send(message);
  process.on('message', async ({ id, name, argument }) => {
    try {
      send({ id, value: await functions[name](argument) });
    } catch (error) {
      send({ id, error: error.stack });
    }
  });
  // The parent is gone, whatever became of it.
  process.on('disconnect', () => process.exit());
}
