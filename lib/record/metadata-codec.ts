import type { SessionMetadata } from './session-metadata.js';

const KNOWN = new Set('v c s e h n q i p y a g f k r d o b m l j t w x'.split(' '));

type MetadataJson = ReturnType<typeof jsonOf>;

/** The metadata as JSON text. */
export function encodeMetadata(metadata: SessionMetadata): string {
  const json = jsonOf(metadata);
  return JSON.stringify(metadata.others === undefined ? json : { ...metadata.others, ...json });
}

/** What is in the JSON. Each record holds it, so the keys are short. Only this file uses the short keys. */
function jsonOf(metadata: SessionMetadata) {
  const { device, places, replaced } = metadata;
  return {
    // The version of the format.
    v: 1,
    c: metadata.createdAt,
    s: metadata.seenAt,
    e: metadata.expiresAt,
    h: metadata.handle,
    n: metadata.nonce,
    q: metadata.earlierNonces,
    i: metadata.idSince,
    p: metadata.principal,
    y: metadata.formerPrincipal,
    a: metadata.authenticatedAt,
    g: metadata.principalSince,
    f: metadata.loginFingerprint,
    k: metadata.loginKeys,
    r: metadata.revocationNonce,
    d: device && { u: device.userAgent, i: device.ip },
    o: metadata.cookieOverrides,
    b: metadata.binding,
    m: metadata.schemaVersion,
    l: metadata.loginNumber,
    // The nonce of the write that made the record pending: version 0.1 keeps what it does not know.
    j: metadata.isPending ? metadata.nonce : undefined,
    t: metadata.revokedUntil,
    w: places?.map(({ number, handle, until, isInPlace }) => ({
      k: number,
      h: handle,
      u: until,
      i: isInPlace ? 1 : undefined,
    })),
    x: replaced && { u: replaced.until, w: replaced.clientLink, s: replaced.serverLink, k: replaced.nextKey },
  };
}

/** The metadata in parsed JSON. `undefined`: it has another shape, so the record is no session of ours. */
export function decodeMetadata(value: unknown): SessionMetadata | undefined {
  if (!isMetadataJson(value)) return undefined;
  return {
    createdAt: value.c,
    seenAt: value.s,
    expiresAt: value.e,
    handle: value.h,
    nonce: value.n,
    earlierNonces: value.q,
    idSince: value.i,
    principal: value.p,
    formerPrincipal: value.y,
    authenticatedAt: value.a,
    principalSince: value.g,
    loginFingerprint: value.f,
    loginKeys: value.k,
    revocationNonce: value.r,
    device: value.d && { userAgent: value.d.u, ip: value.d.i },
    cookieOverrides: value.o,
    binding: value.b,
    schemaVersion: value.m,
    loginNumber: value.l,
    isPending: value.j === value.n || undefined,
    revokedUntil: value.t,
    places: value.w?.map(({ k, h, u, i }) => ({ number: k, handle: h, until: u, isInPlace: i === 1 })),
    replaced: value.x && { until: value.x.u, clientLink: value.x.w, serverLink: value.x.s, nextKey: value.x.k },
    others: othersOf(value),
  };
}

function othersOf(json: object): Record<string, unknown> | undefined {
  let others: Record<string, unknown> | undefined;
  for (const key in json) if (!KNOWN.has(key)) (others ??= {})[key] = (json as Record<string, unknown>)[key];
  return others;
}

const isTime = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);
const isOptional = (value: unknown, type: string): boolean => value === undefined || typeof value === type;

const isOptionalTime = (value: unknown): boolean => value === undefined || isTime(value);

const isOptionalList = (value: unknown): boolean =>
  value === undefined || (Array.isArray(value) && value.every((one) => typeof one === 'string'));

function isMetadataJson(value: unknown): value is MetadataJson {
  if (typeof value !== 'object' || value === null) return false;
  const f = value as Record<string, unknown>;
  return (
    f.v === 1 &&
    isTime(f.c) &&
    isTime(f.s) &&
    isTime(f.e) &&
    typeof f.h === 'string' &&
    typeof f.n === 'string' &&
    isOptional(f.p, 'string') &&
    isOptional(f.y, 'string') &&
    isOptionalTime(f.a) &&
    isOptionalTime(f.i) &&
    isOptionalTime(f.g) &&
    isOptional(f.f, 'string') &&
    isOptional(f.b, 'string') &&
    isOptional(f.m, 'number') &&
    isOptionalTime(f.t) &&
    isOptionalTime(f.l) &&
    (f.w === undefined || (Array.isArray(f.w) && f.w.every(isPlaceJson))) &&
    isOptionalList(f.q) &&
    isOptionalList(f.k) &&
    isOptional(f.r, 'string') &&
    (f.d === undefined || (isPlain(f.d) && isOptional(f.d.u, 'string') && isOptional(f.d.i, 'string'))) &&
    (f.o === undefined || isPlain(f.o)) &&
    (f.x === undefined ||
      (isPlain(f.x) &&
        isTime(f.x.u) &&
        isOptional(f.x.w, 'string') &&
        isOptional(f.x.s, 'string') &&
        isOptional(f.x.k, 'string')))
  );
}

const isPlaceJson = (value: unknown): boolean =>
  isPlain(value) && isTime(value.k) && typeof value.h === 'string' && isTime(value.u);

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
