/**
 * The load generator: connections that each keep one request under way, over plain sockets. It costs some 10 µs a request, a tenth of
 * what autocannon takes: a generator that is as slow as the server leaves the server waiting, and each wake-up of a waiting event loop is
 * CPU time that the library would be charged with. For the same reason it doesn't sleep while a store in memory is measured: to wake a
 * sleeping process costs a server some 13 µs an answer, and a slow server pays that more often. Every answer is looked at.
 */
import { connect } from 'node:net';
import { answer } from './child.mjs';

const CONNECTIONS = 32;
const pools = new Map();

class Connection {
  #socket;
  #text = '';
  #done;

  constructor(port) {
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.#socket.setEncoding('latin1');
    this.#socket.on('data', (chunk) => this.#take(chunk));
    const fail = (error) => this.#done?.(error ?? new Error('The server closed a connection.'));
    this.#socket.on('error', fail).on('close', () => fail());
  }

  /** Sends a request; `done(error, head, body)` once its answer is whole. */
  send(request, done) {
    this.#done = done;
    this.#socket.write(request, 'latin1');
  }

  #take(chunk) {
    this.#text = this.#text === '' ? chunk : this.#text + chunk;
    const text = this.#text;
    const end = text.indexOf('\r\n\r\n');
    if (end === -1) return;
    let at = text.indexOf('Content-Length: ');
    if (at === -1) at = text.indexOf('content-length: '); // as Fastify writes it
    const length = at === -1 || at > end ? Number.NaN : Number.parseInt(text.slice(at + 16, at + 26), 10);
    const done = this.#done;
    if (Number.isNaN(length)) {
      done(new Error(`An answer without Content-Length: ${text.slice(0, 300)}`));
      return;
    }
    if (text.length < end + 4 + length) return;
    this.#text = '';
    done(undefined, text.slice(0, end), text.slice(end + 4));
  }
}

function poolOf(port) {
  if (!pools.has(port))
    pools.set(
      port,
      Array.from({ length: CONNECTIONS }, () => new Connection(port)),
    );
  return pools.get(port);
}

function requestOf(path, cookie) {
  return `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: bench\r\nAccept: */*\r\n${cookie ? `Cookie: ${cookie}\r\n` : ''}\r\n`;
}

/** `Set-Cookie` of an answer as `name=value`, else what there was. */
function cookieAfter(head, cookie) {
  const found = /\r\nSet-Cookie: ([^;\r]+)/i.exec(head);
  return found === null ? cookie : found[1];
}

/**
 * @param paths one for each connection, or one for all.
 * @param cookies for each connection; none: no cookie.
 * @param expected the body, for each connection.
 * @param follow whether a cookie that was set is sent from then on.
 * @param isAwake whether this process keeps its core busy meanwhile. Not beside a database, which needs it.
 */
function run({ port, paths, cookies = [], expected, requests, follow = false, isAwake = false }) {
  const pool = poolOf(port);
  const held = [...cookies];
  const counts = pool.map(() => 0);
  const bodies = pool.map(() => '');
  const latencies = new Float64Array(requests);
  let sent = 0;
  let finished = 0;
  return new Promise((resolve, reject) => {
    const startedAt = performance.now();
    let isUnderWay = true;
    const stayAwake = () => void (isUnderWay && setImmediate(stayAwake));
    if (isAwake) stayAwake();
    const fail = (error) => {
      isUnderWay = false;
      reject(error);
    };
    const next = (n) => {
      if (sent >= requests) return;
      sent += 1;
      const path = typeof paths === 'string' ? paths : paths[n];
      const sentAt = performance.now();
      pool[n].send(requestOf(path, held[n]), (error, head, body) => {
        if (error) return fail(error);
        const wanted = expected?.[n];
        if (!head.startsWith('HTTP/1.1 200') || (wanted !== undefined && body !== wanted)) {
          return fail(new Error(`${path}: wanted ${wanted ?? 'a 200'}, got ${head.split('\r\n')[0]} ${body}`));
        }
        if (follow) held[n] = cookieAfter(head, held[n]);
        counts[n] += 1;
        bodies[n] = body;
        latencies[finished] = performance.now() - sentAt;
        finished += 1;
        if (finished < requests) return next(n);
        isUnderWay = false;
        latencies.sort();
        resolve({
          ms: performance.now() - startedAt,
          counts,
          cookies: held,
          bodies,
          p50: latencies[Math.floor(requests * 0.5)],
          p99: latencies[Math.floor(requests * 0.99)],
        });
      });
    };
    for (let n = 0; n < Math.min(pool.length, requests); n++) next(n);
  });
}

answer({ run });
