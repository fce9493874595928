/** Where a Redis server, Sentinel or node of a Cluster listens. */
export interface RedisAddress {
  /** A name or an IP address; of IPv6 without brackets. */
  readonly host: string
  readonly port: number
}

interface RedisAccess {
  readonly username?: string
  readonly password?: string
  readonly tls: boolean
}

/** One server, or what stands for one. */
export interface StandaloneRedis extends RedisAccess {
  readonly kind: 'standalone'
  readonly address: RedisAddress
  readonly db: number
}

/** The master that Sentinels name, whichever it is at the time. */
export interface SentinelRedis extends RedisAccess {
  readonly kind: 'sentinel'
  readonly sentinels: readonly RedisAddress[]
  readonly masterName: string
  readonly db: number
  /** Of the Sentinels themselves; the others are of the master. */
  readonly sentinelUsername?: string
  readonly sentinelPassword?: string
}

/** A Redis Cluster, by some of its nodes. */
export interface ClusterRedis extends RedisAccess {
  readonly kind: 'cluster'
  readonly nodes: readonly RedisAddress[]
}

/** What a URL says of how Redis is reached. */
export type RedisSettings = StandaloneRedis | SentinelRedis | ClusterRedis

const FORMS = [
  'redis://[user:password@]host[:6379][/db]',
  'redis+sentinel://[user:password@]host[:26379],…/master-name[?db=0]',
  'redis+cluster://[user:password@]host[:6379],…',
]
const ALLOWED = `one of ${FORMS.join(' ; ')} (rediss, rediss+sentinel, rediss+cluster for TLS)`

/** Scheme, what comes before the @, hosts, path, query. */
const URL_PARTS = /^([a-z+]+):\/\/(?:([^@/?#]*)@)?([^@/?#]*)(?:\/([^@?#]*))?(?:\?([^@#]*))?$/i

/**
 * Reads a URL of Redis.
 *
 * Throws a RangeError that says what is allowed, without the URL's password.
 */
export function parseRedisUrl(text: string): RedisSettings {
  const parts = URL_PARTS.exec(text)
  if (parts === null) {
    throw bad(text, `it is not ${ALLOWED}; special characters of a user or password are percent-encoded`)
  }
  const [, scheme = '', credentials, hosts = '', path = '', queryText = ''] = parts
  const [base, kind = 'standalone', ...more] = scheme.toLowerCase().split('+')
  if ((base !== 'redis' && base !== 'rediss') || more.length > 0) throw bad(text, `it is not ${ALLOWED}`)
  const access = { ...accessOf(text, credentials), tls: base === 'rediss' }
  const query = new URLSearchParams(queryText)
  switch (kind) {
    case 'standalone': {
      allowOnly(text, query, [])
      const [address, ...others] = addressesOf(text, hosts, 6379)
      if (address === undefined || others.length > 0) {
        throw bad(text, 'it names several servers: write redis+sentinel:// or redis+cluster://')
      }
      return { kind, ...access, address, db: dbOf(text, path) }
    }
    case 'sentinel': {
      allowOnly(text, query, ['db', 'sentinelUsername', 'sentinelPassword'])
      const masterName = decoded(text, path)
      if (masterName === '') throw bad(text, `it lacks the master's name: ${FORMS[1]}`)
      const sentinelUsername = query.get('sentinelUsername')
      const sentinelPassword = query.get('sentinelPassword')
      return {
        kind,
        ...access,
        sentinels: addressesOf(text, hosts, 26_379),
        masterName,
        db: dbOf(text, query.get('db') ?? ''),
        ...(sentinelUsername === null ? {} : { sentinelUsername }),
        ...(sentinelPassword === null ? {} : { sentinelPassword }),
      }
    }
    case 'cluster':
      allowOnly(text, query, [])
      if (path !== '' && path !== '0') throw bad(text, 'a Redis Cluster has only the database 0')
      return { kind, ...access, nodes: addressesOf(text, hosts, 6379) }
    default:
      throw bad(text, `it is not ${ALLOWED}`)
  }
}

/** How messages and logs name what settings lead to: without credentials. */
export function redisName(settings: RedisSettings): string {
  const scheme = settings.tls ? 'rediss' : 'redis'
  switch (settings.kind) {
    case 'standalone':
      return `${scheme}://${addressText(settings.address)}${settings.db === 0 ? '' : `/${settings.db}`}`
    case 'sentinel': {
      const { sentinels, masterName, db } = settings
      const hosts = sentinels.map(addressText).join(',')
      return `${scheme}+sentinel://${hosts}/${encodeURIComponent(masterName)}${db === 0 ? '' : `?db=${db}`}`
    }
    case 'cluster':
      return `${scheme}+cluster://${settings.nodes.map(addressText).join(',')}`
  }
}

function addressText({ host, port }: RedisAddress): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}

function accessOf(
  text: string,
  credentials: string | undefined,
): { readonly username?: string; readonly password?: string } {
  if (credentials === undefined || credentials === '') return {}
  const colon = credentials.indexOf(':')
  const username = decoded(text, colon === -1 ? credentials : credentials.slice(0, colon))
  if (colon === -1) throw bad(text, 'it has a user without a password: write user:password@, or :password@')
  const password = decoded(text, credentials.slice(colon + 1))
  return { ...(username === '' ? {} : { username }), password }
}

function addressesOf(text: string, hosts: string, defaultPort: number): [RedisAddress, ...RedisAddress[]] {
  return hosts.split(',').map((address) => {
    const parts = /^(?:\[([0-9a-f:.]+)\]|([^:[\]\s]+))(?::(\d{1,5}))?$/i.exec(address)
    const host = parts?.[1] ?? parts?.[2]
    const port = Number(parts?.[3] ?? defaultPort)
    if (host === undefined || port < 1 || port > 65_535) {
      throw bad(text, `${JSON.stringify(address)} is not host or host:port, with a port of 1 to 65535`)
    }
    return { host, port }
  }) as [RedisAddress, ...RedisAddress[]]
}

function dbOf(text: string, db: string): number {
  if (db === '') return 0
  if (!/^\d{1,5}$/.test(db)) throw bad(text, `the database is a number, not ${JSON.stringify(db)}`)
  return Number(db)
}

function allowOnly(text: string, query: URLSearchParams, allowed: readonly string[]): void {
  for (const name of query.keys()) {
    if (allowed.includes(name)) continue
    const may = allowed.length === 0 ? 'none' : `only ${allowed.join(', ')}`
    throw bad(text, `it has the parameter ${name}, and may have ${may}`)
  }
}

function decoded(text: string, part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    throw bad(text, 'a % in it is not followed by two hexadecimal digits')
  }
}

function bad(text: string, why: string): RangeError {
  // Up to the last @ may be a password, even where the rest is no URL.
  const shown = text
    .slice(0, 512)
    .replace(/^([a-z+]*:\/\/)?.*@/is, (_, scheme: string | undefined) => `${scheme ?? ''}…@`)
    .replace(/(password=)[^&]*/gi, '$1…')
  return new RangeError(`${JSON.stringify(shown)} is no URL of Redis: ${why}`)
}
