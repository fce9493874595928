import { createHash } from 'node:crypto'

/** A Lua script and what Redis knows it by. */
export interface Script {
  readonly text: string
  readonly sha1: string
}

/**
 * KEYS: 1 queries (hash, id -> text), 2 expiries (sorted set, id by epoch milliseconds), 3 version, 4 the channel of changes.
 * ARGV: 1 `publish` or `spublish`, then what the script says.
 *
 * The version is another after each change, and never one that was there before: it begins with the time in microseconds,
 * so that one counted up from there after everything was lost cannot be taken for an old one. A change is told as a JSON
 * array: version before (empty where there was none), version after, id, and the query's text where there is one now. All three keys expire a minute
 * after the last registration does.
 */
const PRELUDE = `
local queries, expiries, versionKey, channel = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local time = redis.call('TIME')
local nowMs = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local function raiseVersion()
  local before = redis.call('GET', versionKey)
  if before then
    redis.call('INCR', versionKey)
  else
    redis.call('SET', versionKey, string.format('%d%06d', tonumber(time[1]), tonumber(time[2])))
  end
  return before or '', redis.call('GET', versionKey)
end
local function tell(id, text)
  local before, after = raiseVersion()
  redis.call(ARGV[1], channel, cjson.encode({ before, after, id, text }))
end
local function remove(id)
  redis.call('ZREM', expiries, id)
  if redis.call('HDEL', queries, id) == 1 then tell(id) end
end
local function expire()
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', expiries, '-inf', nowMs)) do remove(id) end
  if redis.call('HLEN', queries) == redis.call('ZCARD', expiries) then return end
  -- One of the two keys was evicted.
  for _, id in ipairs(redis.call('HKEYS', queries)) do
    if not redis.call('ZSCORE', expiries, id) then remove(id) end
  end
  for _, id in ipairs(redis.call('ZRANGE', expiries, 0, -1)) do
    if redis.call('HEXISTS', queries, id) == 0 then redis.call('ZREM', expiries, id) end
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
for _, key in ipairs({ queries, expiries, versionKey }) do redis.call('PEXPIREAT', key, goneMs) end
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
 * Answers nothing where that is the one there is; else the version, then each registration's id and text.
 */
export const LIST: Script = script(`
expire()
local version = redis.call('GET', versionKey) or ''
if version == ARGV[2] then return false end
local answer = redis.call('HGETALL', queries)
table.insert(answer, 1, version)
return answer
`)

function script(body: string): Script {
  const text = PRELUDE + body
  return { text, sha1: createHash('sha1').update(text).digest('hex') }
}
