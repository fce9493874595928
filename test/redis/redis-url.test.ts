import t from 'tap'
import { parseRedisUrl, redisName, type RedisSettings } from '../../src/redis/redis-url.ts'

const local = { host: 'localhost', port: 6379 }
const a = { host: 'a', port: 26_379 }

const good: readonly (readonly [url: string, want: RedisSettings, name: string])[] = [
  ['redis://localhost', { kind: 'standalone', tls: false, address: local, db: 0 }, 'redis://localhost:6379'],
  [
    'REDISS://:p%40ss:w@localhost:6380/3',
    { kind: 'standalone', tls: true, password: 'p@ss:w', address: { ...local, port: 6380 }, db: 3 },
    'rediss://localhost:6380/3',
  ],
  [
    'redis://us%2Fer:secret@[::1]:7000/',
    {
      kind: 'standalone',
      tls: false,
      username: 'us/er',
      password: 'secret',
      address: { host: '::1', port: 7000 },
      db: 0,
    },
    'redis://[::1]:7000',
  ],
  [
    'redis+sentinel://a/mymaster',
    { kind: 'sentinel', tls: false, sentinels: [a], masterName: 'mymaster', db: 0 },
    'redis+sentinel://a:26379/mymaster',
  ],
  [
    'rediss+sentinel://u:p@a,b:2/my%20master?db=2&sentinelPassword=s%26',
    {
      kind: 'sentinel',
      tls: true,
      username: 'u',
      password: 'p',
      sentinels: [a, { host: 'b', port: 2 }],
      masterName: 'my master',
      db: 2,
      sentinelPassword: 's&',
    },
    'rediss+sentinel://a:26379,b:2/my%20master?db=2',
  ],
  [
    'redis+cluster://:p@a:7000,b',
    {
      kind: 'cluster',
      tls: false,
      password: 'p',
      nodes: [
        { host: 'a', port: 7000 },
        { host: 'b', port: 6379 },
      ],
    },
    'redis+cluster://a:7000,b:6379',
  ],
]

t.test('a URL of each form is read, and named without its credentials', async (t) => {
  for (const [url, want, name] of good) {
    const settings = parseRedisUrl(url)
    t.strictSame(settings, want, url)
    t.equal(redisName(settings), name)
    const { password: _p, username: _u, ...rest } = want
    const { sentinelPassword: _s, ...place } = { sentinelPassword: '', ...rest }
    t.strictSame(parseRedisUrl(name), place, 'the name leads to the same place')
  }
})

const bad: readonly (readonly [url: string, why: RegExp])[] = [
  ['', /is not one of redis:\/\//],
  ['localhost:6379', /is not one of redis:\/\//],
  ['http://localhost', /is not one of redis:\/\//],
  ['redis+pubsub://localhost', /is not one of redis:\/\//],
  ['redis+cluster+sentinel://localhost', /is not one of redis:\/\//],
  ['redis://', /"" is not host or host:port/],
  ['redis://h:0', /"h:0" is not host or host:port/],
  ['redis://h:65536', /port of 1 to 65535/],
  ['redis://h:x', /"h:x" is not host or host:port/],
  ['redis://::1:6379', /"::1:6379" is not host or host:port/],
  ['redis://h/one', /the database is a number, not "one"/],
  ['redis://h?db=1', /has the parameter db, and may have none/],
  ['redis://a,b', /names several servers/],
  ['redis+sentinel://a', /lacks the master's name/],
  ['redis+sentinel://a/m?database=1', /may have only db, sentinelUsername, sentinelPassword/],
  ['redis+cluster://a/1', /only the database 0/],
  ['redis+cluster://a,,b', /"" is not host or host:port/],
  ['redis://user@h', /a user without a password/],
  ['redis://:50%@h', /two hexadecimal digits/],
  ['redis://u:p@ss@h', /percent-encoded/],
]

t.test('what is no URL of Redis is refused with what is allowed', async (t) => {
  for (const [url, why] of bad) t.throws(() => parseRedisUrl(url), { name: 'RangeError', message: why }, url)
})

t.test('an error about a URL never holds a password of it', async (t) => {
  const urls = [
    'redis://u:se@cret@h',
    'redis://u:secret@h/x',
    'http://u:secret@h',
    'u:secret@h',
    'redis://u:sec/ret@h:1',
    'redis+sentinel://h/m?sentinelPassword=secret&other=1',
    'redis://u:secret%@h',
  ]
  for (const url of urls) {
    try {
      parseRedisUrl(url)
      t.fail(`${url} was read`)
    } catch (error) {
      t.notMatch((error as Error).message, /cret|sec\b|sec\/|ret@/, url)
    }
  }
})
