import { createHash } from 'node:crypto'

/** A Lua script and what Redis knows it by. */
export interface Script {
  readonly text: string
  readonly sha1: string
}

/**
 * KEYS: 1 queries (hash, id -> text, and the version in the field without a name), 2 expiries (sorted set, id by epoch
 * milliseconds), 3 the channel of changes. ARGV: 1 `publish` or `spublish`, then what the script says.
 *
 * The version is another after each change, and never one that was there before: it begins with the time in microseconds,
 * so that one counted up from there after everything was lost cannot be taken for an old one. A change is told as a JSON
 * array: version before (empty where there was none), version after, id, and the query's text where there is one now.
 * Both keys expire a minute after the last registration does.
 */
const PRELUDE = `
local queries, expiries, channel = KEYS[1], KEYS[2], KEYS[3]
local time = redis.call('TIME')
local nowMs = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local function raiseVersion()
  local before = redis.call('HGET', queries, '')
  if before then
    redis.call('HINCRBY', queries, '', 1)
  else
    redis.call('HSET', queries, '', string.format('%d%06d', tonumber(time[1]), tonumber(time[2])))
    redis.call('PEXPIRE', queries, 60000)
  end
  return before or '', redis.call('HGET', queries, '')
end
local function tell(id, text)
  local before, after = raiseVersion()
  redis.call(ARGV[1], channel, cjson.encode({ before, after, id, text }))
end
local function remove(id)
  local known = redis.call('ZREM', expiries, id) + redis.call('HDEL', queries, id)
  if known > 0 then tell(id) end
end
local function expire()
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', expiries, '-inf', nowMs)) do remove(id) end
  local count = redis.call('HLEN', queries) - redis.call('HEXISTS', queries, '')
  if count == redis.call('ZCARD', expiries) then return end
  -- One of the keys was evicted.
  for _, id in ipairs(redis.call('HKEYS', queries)) do
    if id ~= '' and not redis.call('ZSCORE', expiries, id) then remove(id) end
  end
  for _, id in ipairs(redis.call('ZRANGE', expiries, 0, -1)) do
    if redis.call('HEXISTS', queries, id) == 0 then remove(id) end
  end
end
`

/**
 * ARGV: 2 id, 3 text, 4 how long it lives in milliseconds, 5 most registrations.
 * Answers how many there are: more than the most, without this one, where there is no room for it.
 */
export const REGISTER: Script = script(`
local id, text, ttlMs, most = ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
expire()
local known = redis.call('HGET', queries, id)
local count = redis.call('ZCARD', expiries)
if not known and count >= most then return { 0, count } end
redis.call('ZADD', expiries, nowMs + ttlMs, id)
if known ~= text then
  redis.call('HSET', queries, id, text)
  tell(id, text)
end
local last = redis.call('ZRANGE', expiries, -1, -1, 'WITHSCORES')
local goneMs = string.format('%.0f', tonumber(last[2]) + 60000)
for _, key in ipairs({ queries, expiries }) do redis.call('PEXPIREAT', key, goneMs) end
return { 1, count }
`)

/** ARGV: 2 id. */
export const UNREGISTER: Script = script(`
expire()
remove(ARGV[2])
return 1
`)

/**
 * ARGV: 2 the version that is known.
 * Answers nothing where that is the one there is; else all fields of the queries and their values.
 */
export const LIST: Script = script(`
expire()
if redis.call('HGET', queries, '') == ARGV[2] then return false end
return redis.call('HGETALL', queries)
`)

function script(body: string): Script {
  const text = PRELUDE + body
  return { text, sha1: createHash('sha1').update(text).digest('hex') }
}
