import t from 'tap'
import type { RequestEvent } from '../../src/event/event.ts'
import { DEFAULT_REDACTION, Redaction } from '../../src/rollup/redaction.ts'
import { redact } from '../../src/tap/redaction.ts'

const event: RequestEvent = {
  kind: 'request',
  timeMs: 1,
  direction: 'inbound',
  destination: { name: 'web' },
  latencyMicros: 1,
}

t.test('values of secret headers are not shown, their names are', async (t) => {
  const secret: RequestEvent = {
    ...event,
    requestHeaders: [
      { name: 'authorization', value: 'Bearer s3cret' },
      { name: 'x-user', value: '7' },
      { name: 'Cookie', value: 'session=s3cret' },
      { name: 'proxy-authorization', value: 'Basic s3cret' },
      { name: 'X-Api-Key', value: 's3cret' },
      { name: 'referer', value: 'https://web/a?token=s3cret' },
    ],
    responseHeaders: [
      { name: 'set-cookie', value: 'session=s3cret' },
      { name: 'content-type', value: 'text/html' },
      { name: 'Location', value: '/b#s3cret' },
    ],
  }
  const shown = redact(secret, new Redaction({ headers: ['x-API-key'] }))
  t.notMatch(JSON.stringify(shown), /s3cret/)
  t.strictSame(shown, {
    ...event,
    requestHeaders: [
      { name: 'authorization', value: '[redacted]' },
      { name: 'x-user', value: '7' },
      { name: 'Cookie', value: '[redacted]' },
      { name: 'proxy-authorization', value: '[redacted]' },
      { name: 'X-Api-Key', value: '[redacted]' },
      { name: 'referer', value: 'https://web/a?[redacted]' },
    ],
    responseHeaders: [
      { name: 'set-cookie', value: '[redacted]' },
      { name: 'content-type', value: 'text/html' },
      { name: 'Location', value: '/b#[redacted]' },
    ],
  })
  t.match(JSON.stringify(secret), /s3cret/, 'the event given is left as it is')
})

t.test('an event without secrets is the same object', async (t) => {
  const plain: RequestEvent = { ...event, path: '/a', requestHeaders: [{ name: 'x-user', value: '7' }] }
  t.equal(redact(plain, DEFAULT_REDACTION), plain)
  t.equal(redact(event, DEFAULT_REDACTION), event)
})

t.test('a secret header is one in any case', async (t) => {
  t.ok(DEFAULT_REDACTION.isSecretHeader('Set-Cookie'))
  t.notOk(DEFAULT_REDACTION.isSecretHeader('x-authorization'))
})

t.test('query strings are shown only where that is asked for', async (t) => {
  const path = (path: string, redaction = DEFAULT_REDACTION) => redact({ ...event, path }, redaction).path
  t.equal(path('/a'), '/a')
  t.equal(path('/a?x=1#y'), '/a?[redacted]')
  t.equal(path('/a?'), '/a?[redacted]')
  t.equal(path('?'), '?[redacted]')
  t.equal(path('/a?x=1', new Redaction({ showsQuery: true })), '/a?x=1')
})

t.test('path segments are not shown where a pattern names them', async (t) => {
  const redaction = new Redaction({ paths: ['/reset/:token', '/users/*/keys/:key/:part'] })
  for (const [path, want] of [
    ['/reset/abc', '/reset/[redacted]'],
    ['/reset/abc/done?x', '/reset/[redacted]/done?[redacted]'],
    ['//reset//abc', '//reset//[redacted]'],
    ['/re%73et/abc', '/re%73et/[redacted]'],
    ['/reset', '/reset'],
    ['/reset/', '/reset/'],
    ['/Reset/abc', '/Reset/abc'],
    ['/a/reset/abc', '/a/reset/abc'],
    ['/users/7/keys/k', '/users/7/keys/[redacted]'],
    ['/users/7/keys/k/p/q', '/users/7/keys/[redacted]/[redacted]/q'],
    ['/%zz/abc', '/%zz/abc'],
    ['*', '*'],
    ['', ''],
  ] as const) {
    t.equal(redaction.url(path), want, path)
  }
  for (const pattern of ['reset/:token', '/reset/token', '/reset//:token', '/reset/:', '/']) {
    t.throws(() => new Redaction({ paths: [pattern] }), RangeError, pattern)
  }
})
