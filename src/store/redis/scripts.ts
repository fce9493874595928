import { RedisScript } from '../../redis/redis-script.ts'

/*
 * What is written here is Lua 5.1 for Redis 6.2 and later, in TypeScript so that a bundle of a function holds it.
 *
 * A version is what a writer made up for its commit: 12 random characters, of which nothing but equality is asked.
 *
 * A hash of blobs holds, by scope, each blob behind the version that it was written with, and in the field \255 (which
 * no text in UTF-8 is) its index: the version of its last change and, in msgpack, each scope's version. So a reader
 * learns what there is without being given any blob, and whether there is anything new without being given the index.
 * That a blob comes with its version in front saves Lua two copies of it, which halves what a large commit takes.
 *
 * Epochs come and go as text of 16 digits: Lua's own way would write 1.7e+15.
 */

/** Fields of meta besides `format`, `epoch` and `version`: what claim and read answer, in this order. */
export const META_FIELDS = [
  'offset',
  'watermark',
  'closedThrough',
  'open',
  'producers',
  'counters',
  'stamp',
] as const

const META_LIST = META_FIELDS.map((field) => `'${field}'`).join(', ')

const EXPIRE = `
local function expire(key, ttlMs)
  local time = redis.call('TIME')
  redis.call('PEXPIREAT', key, string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000) + ttlMs))
end
`

/**
 * Raises the epoch: to the server's time in microseconds, so that a store which has lost its epochs gives none a second
 * time, or by one where that is not more.
 *
 * KEYS: meta, totals. ARGV: format, milliseconds that both live from now.
 * Answers `format, f` of a store in another one, else `claimed, epoch, version, fields of meta…`.
 */
export const claimScript = new RedisScript(`${EXPIRE}
local stored = redis.call('HMGET', KEYS[1], 'format', 'epoch')
if stored[1] and stored[1] ~= ARGV[1] then return {'format', stored[1]} end
local time = redis.call('TIME')
local epoch = string.format('%016.0f', math.max(tonumber(stored[2] or 0) + 1, time[1] * 1000000 + time[2]))
redis.call('HSET', KEYS[1], 'format', ARGV[1], 'epoch', epoch)
expire(KEYS[1], ARGV[2])
expire(KEYS[2], ARGV[2])
local answer = redis.call('HMGET', KEYS[1], 'version', ${META_LIST})
table.insert(answer, 1, epoch)
table.insert(answer, 1, 'claimed')
return answer
`)

/**
 * Writes a commit, if the partition is as its writer left it.
 *
 * KEYS: meta, totals, buckets…
 * ARGV: format, epoch, expected offset, expected stamp behind '=' or nothing, milliseconds that what has no expiry lives
 * from now, version, how many arguments of meta follow, fields of meta and their values; then for each key but meta: how
 * many blobs, how many deletions, when it expires or nothing, a scope and a blob behind the version each, the deleted
 * scopes.
 * Answers `format, f`, `stale-epoch, epoch`, `offset-moved, offset` or `committed`.
 *
 * All that can fail is done before the first write: a script that fails after one leaves what it has written. A
 * server at its maxmemory refuses a script's first write, if that may take memory, and no later one.
 */
export const commitScript = new RedisScript(`${EXPIRE}
local stored = redis.call('HMGET', KEYS[1], 'format', 'epoch', 'offset', 'stamp')
if stored[1] and stored[1] ~= ARGV[1] then return {'format', stored[1]} end
if not stored[2] then return {'offset-moved', '0'} end
local epoch, mine = tonumber(stored[2]), tonumber(ARGV[2])
if epoch > mine then return {'stale-epoch', stored[2]} end
local offset = stored[3] or '0'
local stamp = stored[4] and '=' .. stored[4] or ''
if epoch < mine or offset ~= ARGV[3] or stamp ~= ARGV[4] then return {'offset-moved', offset} end

local INDEX = '\\255'
local version = ARGV[6]
local indexes = {}
for k = 2, #KEYS do
  local index = redis.call('HGET', KEYS[k], INDEX)
  indexes[k] = index and cmsgpack.unpack(string.sub(index, #version + 1)) or {}
end

redis.call('HSET', KEYS[1], 'version', version)
local at = 8 + ARGV[7]
for k = 2, #KEYS do
  local key, index = KEYS[k], indexes[k]
  local blobs, deletions, expiresAt = tonumber(ARGV[at]), tonumber(ARGV[at + 1]), ARGV[at + 2]
  at = at + 3
  for i = at, at + 2 * blobs - 2, 2 do
    redis.call('HSET', key, ARGV[i], ARGV[i + 1])
    index[ARGV[i]] = version
  end
  at = at + 2 * blobs
  for i = at, at + deletions - 1 do
    redis.call('HDEL', key, ARGV[i])
    index[ARGV[i]] = nil
  end
  at = at + deletions
  if blobs + deletions > 0 then
    if next(index) then
      redis.call('HSET', key, INDEX, version .. cmsgpack.pack(index))
    else
      redis.call('DEL', key)
    end
  end
  if expiresAt ~= '' then
    redis.call('PEXPIREAT', key, expiresAt)
  elseif blobs > 0 and redis.call('PTTL', key) == -1 then
    expire(key, ARGV[5])
  end
end
redis.call('HDEL', KEYS[1], 'stamp')
for i = 8, 7 + ARGV[7], 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
expire(KEYS[1], ARGV[5])
expire(KEYS[2], ARGV[5])
return {'committed'}
`)

/**
 * What has changed.
 *
 * KEYS: meta, hashes of blobs… ARGV: for each the version that the reader knows, or nothing.
 * Answers `none` where nothing was committed; `moved, format, version, fields of meta…` where meta's version is another;
 * else `same`, and for each hash its index, 1 when the reader knows it, or null where there is no such hash.
 */
export const changesScript = new RedisScript(`
local version = redis.call('HGET', KEYS[1], 'version')
if not version then return {'none'} end
if version ~= ARGV[1] then
  local answer = redis.call('HMGET', KEYS[1], 'format', 'version', ${META_LIST})
  table.insert(answer, 1, 'moved')
  return answer
end
local answer = {'same'}
for k = 2, #KEYS do
  local index = redis.call('HGET', KEYS[k], '\\255')
  if index and string.sub(index, 1, #version) == ARGV[k] then index = 1 end
  answer[k] = index
end
return answer
`)

/**
 * Everything at once, for a reader that the writer keeps overtaking.
 *
 * KEYS: meta, hashes of blobs…
 * Answers `none`, or `all`, format, version, fields of meta, and for each hash a list of its fields and values.
 */
export const everythingScript = new RedisScript(`
local answer = redis.call('HMGET', KEYS[1], 'format', 'version', ${META_LIST})
if not answer[2] then return {'none'} end
table.insert(answer, 1, 'all')
for k = 2, #KEYS do answer[${META_FIELDS.length + 2} + k] = redis.call('HGETALL', KEYS[k]) end
return answer
`)
