import { ReplyError } from 'ioredis'

/** Why Redis did not do what it was asked, as far as it matters to who asked. */
export type RedisFailureKind =
  /** Cannot be reached, does not answer, or is not ready to. */
  | 'unavailable'
  /** Has no memory or disk for what is written. */
  | 'full'
  /** Does not allow it: credentials or permissions. */
  | 'refused'

export interface RedisFailure {
  readonly kind: RedisFailureKind
  /** What happened and what to do about it. */
  readonly reason: string
}

/** By what an error's text holds. Servers before 7.0 wrap what a script meets into a text of their own. */
const KNOWN: readonly (readonly [pattern: RegExp, kind: RedisFailureKind, reason: string])[] = [
  [
    /\bOOM\b/,
    'full',
    'Redis has reached its maxmemory: raise it, or keep less (fewer series, shorter tiers); see docs/redis.md',
  ],
  [
    /\bMISCONF\b/,
    'full',
    'Redis cannot save to its disk and so takes no writes: free its disk, or see its log for why saving fails',
  ],
  [
    /\b(?:WRONGPASS|NOAUTH)\b|invalid password|without any password/,
    'refused',
    'Redis does not accept the user and password: put the right ones into its URL',
  ],
  [
    /\bNOPERM\b/,
    'refused',
    'the Redis user lacks a permission: docs/redis.md lists the commands and keys that it needs',
  ],
  [
    /\bREADONLY\b/,
    'unavailable',
    'what answers is a read-only replica: it is no master yet or no more; give the Sentinels or the Cluster as URL to follow failovers',
  ],
  [/\bLOADING\b/, 'unavailable', 'Redis is loading its data from disk: wait'],
  [
    /\bBUSY\b/,
    'unavailable',
    'a script has kept Redis busy for longer than its busy-reply-threshold: see SLOWLOG',
  ],
  [
    /\bMASTERDOWN\b|\bNOREPLICAS\b/,
    'unavailable',
    'Redis is not connected to enough of its master or replicas to take this: see INFO replication',
  ],
  [
    /\bCLUSTERDOWN\b|Failed to refresh slots cache|None of startup nodes|Cluster isn't ready/,
    'unavailable',
    'the Redis Cluster is down or does not serve all slots: see CLUSTER INFO',
  ],
  [/\b(?:MOVED|ASK|TRYAGAIN)\b/, 'unavailable', 'the Redis Cluster is moving slots: wait'],
  [/Command timed out|Socket timeout|connect ETIMEDOUT/, 'unavailable', 'Redis does not answer in time'],
  [
    /Connection is closed|Stream isn't writeable|max retries per request|Command aborted|Connection is aborted/,
    'unavailable',
    'there is no connection to Redis',
  ],
  [
    /sentinels are unreachable/,
    'unavailable',
    'no Sentinel names a master: are they running, and do they know it by this name?',
  ],
]

/** Errors of sockets and name look-up. */
const NETWORK = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
])

/** What an error of the Redis client means; undefined for one that is no failure of Redis or the way to it. */
export function redisFailure(error: unknown): RedisFailure | undefined {
  if (!(error instanceof Error)) return undefined
  for (const [pattern, kind, reason] of KNOWN) {
    if (pattern.test(error.message)) return { kind, reason: `${reason} (${firstLine(error.message)})` }
  }
  const { code } = error as NodeJS.ErrnoException
  if (code !== undefined && (NETWORK.has(code) || code.startsWith('ERR_TLS') || code.includes('CERT'))) {
    return { kind: 'unavailable', reason: `Redis cannot be reached: ${error.message || code}` }
  }
  if (error instanceof ReplyError) {
    return { kind: 'unavailable', reason: `Redis answers: ${firstLine(error.message)}` }
  }
  return undefined
}

/**
 * The error without the command that it was the answer to, which the client hangs on it: that holds passwords, and
 * megabytes of a commit.
 */
export function withoutCommand(error: Error): Error {
  delete (error as { command?: unknown }).command
  return error
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0]!.slice(0, 300)
}
