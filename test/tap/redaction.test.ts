import t from 'tap'
import type { RequestEvent } from '../../src/event/event.ts'
import { isSecretHeader, redact } from '../../src/tap/redaction.ts'

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
    ],
    responseHeaders: [
      { name: 'set-cookie', value: 'session=s3cret' },
      { name: 'content-type', value: 'text/html' },
    ],
  }
  const shown = redact(secret)
  t.notMatch(JSON.stringify(shown), /s3cret/)
  t.strictSame(shown, {
    ...event,
    requestHeaders: [
      { name: 'authorization', value: '[redacted]' },
      { name: 'x-user', value: '7' },
      { name: 'Cookie', value: '[redacted]' },
      { name: 'proxy-authorization', value: '[redacted]' },
    ],
    responseHeaders: [
      { name: 'set-cookie', value: '[redacted]' },
      { name: 'content-type', value: 'text/html' },
    ],
  })
  t.match(JSON.stringify(secret), /s3cret/, 'the event given is left as it is')
})

t.test('an event without secrets is the same object', async (t) => {
  const plain: RequestEvent = { ...event, requestHeaders: [{ name: 'x-user', value: '7' }] }
  t.equal(redact(plain), plain)
  t.equal(redact(event), event)
})

t.test('a secret header is one in any case', async (t) => {
  t.ok(isSecretHeader('Set-Cookie'))
  t.notOk(isSecretHeader('x-authorization'))
})
