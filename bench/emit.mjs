/**
 * Requests without a network: they are given to the server's own `request` event, with a socket that drops what is written. So neither the
 * kernel nor a load generator is in the figure, and a machine with other work disturbs it less.
 */
import { IncomingMessage, ServerResponse } from 'node:http';
import { Duplex } from 'node:stream';

class Sink extends Duplex {
  remoteAddress = '127.0.0.1';
  /** The answer, while it is looked at. */
  text = undefined;
  _read() {}
  _write(chunk, _encoding, done) {
    if (this.text !== undefined) this.text += String(chunk);
    done();
  }
  _writev(chunks, done) {
    if (this.text !== undefined) for (const { chunk } of chunks) this.text += String(chunk);
    done();
  }
  setTimeout() {}
  destroySoon() {}
}

const sink = new Sink().setMaxListeners(0);

function one(server, path, cookie) {
  return new Promise((resolve) => {
    const req = new IncomingMessage(sink);
    Object.assign(req, { httpVersionMajor: 1, httpVersionMinor: 1, httpVersion: '1.1', method: 'GET', url: path });
    Object.assign(req.headers, { host: '127.0.0.1', 'user-agent': 'bench', accept: '*/*', ...(cookie && { cookie }) });
    req.complete = true;
    req.push(null);
    const res = new ServerResponse(req);
    res.assignSocket(sink);
    res.on('finish', () => {
      res.detachSocket(sink);
      resolve();
    });
    server.emit('request', req, res);
  });
}

/** A request whose answer is looked at: its text. */
async function look(server, path, cookie) {
  sink.text = '';
  await one(server, path, cookie);
  const { text } = sink;
  sink.text = undefined;
  return text;
}

/** The cookie of a new session. */
export async function seed(server, path) {
  return /\r\nset-cookie: ([^;\r]+)/i.exec(await look(server, path))?.[1];
}

/** CPU time in µs for each of `requests`, after one answer was looked at. */
export async function emit(server, { path, cookies = [], requests, expected = '' }) {
  const text = await look(server, path, cookies[0]);
  if (!text.includes(expected)) throw new Error(`${path}: wanted ${expected}, got ${text}`);
  const from = process.cpuUsage();
  for (let n = 0; n < requests; n += 1) await one(server, path, cookies[n % cookies.length]);
  const { user, system } = process.cpuUsage(from);
  return (user + system) / requests;
}
