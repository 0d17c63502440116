import { createHash } from 'node:crypto';

/** A Lua script. It is sent by its hash, and in full if the server doesn't know it. */
export interface RedisScript {
  readonly source: string;
  readonly sha: string;
}

const script = (source: string): RedisScript => ({ source, sha: createHash('sha1').update(source).digest('hex') });

/*
 * Returns the text of a key; nothing if it is missing; or nothing and an error. A key that holds another type is
 * somebody else's and counts as missing. Any other error goes back as it is: a read that was refused must not pass for
 * a session that is gone.
 */
const READ = `
local function read(key)
  local found = redis.pcall('GET', key)
  if type(found) == 'table' and not string.find(found.err, 'WRONGTYPE', 1, true) then return nil, found end
  if type(found) ~= 'string' or found == '' then return nil end
  return found
end`;

/**
 * Keys; for each the text that was read, the new text, the lifetime in ms (`0`: delete). Returns for each 0 for gone, 1
 * for conflict, 2 for done, or the text of its error.
 */
export const COMPARE_AND_SWAP = script(`${READ}
local function swap(key, known, text, life)
  local found, failed = read(key)
  if failed then return failed.err end
  if not found then return 0 end
  if found ~= known then return 1 end
  local done
  if life == '0' then done = redis.pcall('DEL', key) else done = redis.pcall('SET', key, text, 'PX', life) end
  return type(done) == 'table' and done.err or 2
end
local results = {}
for n, key in ipairs(KEYS) do results[n] = swap(key, ARGV[3 * n - 2], ARGV[3 * n - 1], ARGV[3 * n]) end
return results`);

/** Key. Deletes the key and returns its text. */
export const TAKE = script(`${READ}
local found, failed = read(KEYS[1])
if failed then return failed end
if not found then return false end
redis.call('DEL', KEYS[1])
return found`);

/** Key; text. Returns 1 if the bytes are exactly this text, and not one that lost bytes when it was decoded. */
export const IS_TEXT = script(`${READ}
local found, failed = read(KEYS[1])
if failed then return failed end
if found == ARGV[1] then return 1 end
return 0`);

/**
 * Key of an index; id, expiry, now, slack, all in ms. An entry's expiry only grows, as the swap that belongs to this
 * write may fail. Removes expired entries. The key expires with its last entry.
 */
export const INDEX_ADD = script(`
local known = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not known or tonumber(known) < tonumber(ARGV[2]) then redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1]) end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('(%.0f', ARGV[3] - ARGV[4]))
local last = redis.call('ZREVRANGE', KEYS[1], 0, 0, 'WITHSCORES')[2]
if last then redis.call('PEXPIRE', KEYS[1], string.format('%.0f', math.max(1, last - ARGV[3] + ARGV[4]))) end
return 1`);
