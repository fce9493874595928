import { mkdtempSync } from 'node:fs'
import { credentials } from '@grpc/grpc-js'
import t from 'tap'
import { parseTokens } from '../../../src/access/static-tokens.ts'
import type { TlsContent, TlsMaterial } from '../../../src/http/tls-material.ts'
import { GRPC_METHODS } from '../../../src/ingest/grpc/methods.ts'
import { authority } from '../../certificates.ts'
import { sdkServerMessage } from '../../event/otlp-messages.ts'
import { batchOf, requestOf, storedRecords } from '../ingest-server.ts'
import { type ClientParts, grpcClient, grpcServer, HEALTH, instantLog, TRACES, until } from './grpc-server.ts'

const spans = sdkServerMessage(10, 1)
const TOKEN = 'a-token-of-more-than-sixteen-letters'
const tokens = () => parseTokens(`bot ${TOKEN}\n`, 'tokens')

const WRONG = {
  'no token': undefined,
  'no bearer': `Basic ${TOKEN}`,
  'what is no token': 'Bearer nonsense',
  'a token of another': `Bearer ${TOKEN}-not`,
}

t.test('without a token nothing is taken, answered or read, whatever the method', async (t) => {
  const { server, stats, log } = await grpcServer(t, { tokens })
  const messages: Readonly<Record<string, Uint8Array>> = {
    '/meshtap.v1.EventService/PublishEvents': batchOf([requestOf('web-1')], { producer: 'p', sequence: 1 }),
  }
  for (const { path, access, requestStream } of Object.values(GRPC_METHODS)) {
    if (access === 'open') {
      t.match(path, /^\/grpc\.health\.v1\.Health\//, 'open is what says nothing of a mesh')
      continue
    }
    for (const [name, token] of Object.entries(WRONG)) {
      const client = grpcClient(t, server, token === undefined ? {} : { token })
      const message = messages[path] ?? spans
      const ended = requestStream ? await client.streamed(path, message) : await client.unary(path, message)
      t.match(ended, { code: 16, bytes: undefined, retryAfterMs: undefined }, `${path}: ${name}`)
      t.match(
        ended.details,
        /^(a token is needed here|the token is none|the authorization is no)/,
        `${path}: ${name}`,
      )
    }
  }
  t.same(await storedRecords(log), [])
  t.match(stats, { events: 0, bodyBytes: 0, inFlightBytes: 0 })
  t.same(Object.keys(stats.problems).toSorted(), ['TOKEN_INVALID', 'TOKEN_MISSING'])
})

t.test('a message is not read before its sender is known', async (t) => {
  const { server, stats } = await grpcServer(t, { tokens })
  const client = grpcClient(t, server)
  t.match(await client.unary(TRACES, Buffer.alloc(5_000_000)), { code: 16 })
  // As much as the windows of HTTP/2 let through unasked.
  t.ok(stats.wireBytes < 1_000_000, `${stats.wireBytes} bytes`)
})

t.test('with a token it is taken, until the token is withdrawn', async (t) => {
  let current = tokens()
  const { server } = await grpcServer(t, { tokens: () => current })
  const client = grpcClient(t, server, { token: `Bearer ${TOKEN}` })
  t.match(await client.unary(TRACES, spans), { code: 0 })
  current = parseTokens('other another-token-of-many-letters\n', 'tokens')
  t.match(await client.unary(TRACES, spans), { code: 16 })
})

t.test('health is told to anyone, and what is watched as it changes', async (t) => {
  let ready = true
  const { client, server } = await grpcServer(t, { tokens, ready: () => ({ ready }) })
  t.match(await client.unary(HEALTH, Buffer.alloc(0)), { code: 0, bytes: Buffer.from([8, 1]) })
  ready = false
  t.match(await client.unary(HEALTH, Buffer.alloc(0)), { code: 0, bytes: Buffer.from([8, 2]) })
  const told: number[] = []
  for await (const bytes of client.watchHealth()) {
    told.push(bytes[1]!)
    if (told.length === 1) ready = true
    if (told.length === 2) void server.close()
  }
  t.same(told, [2, 1, 2])
})

t.test('what anyone may send is short', async (t) => {
  const { client } = await grpcServer(t, { tokens })
  t.match(await client.unary(HEALTH, Buffer.from([10, 3, 97, 98, 99])), { code: 0 })
  t.match(await client.unary(HEALTH, Buffer.alloc(2000)), { code: 3, details: /2000 bytes/ })
})

/** Material that a test changes. */
function materialOf(content: TlsContent): TlsMaterial & { change(next: TlsContent): void } {
  const listeners: ((content: TlsContent) => void)[] = []
  let current = content
  return {
    get current() {
      return current
    },
    onChange: (listener) => void listeners.push(listener),
    change(next) {
      current = next
      for (const tell of listeners) tell(next)
    },
  }
}

/** A name that the certificate has, of a server that is reached by its address. */
const NAMED = { channel: { 'grpc.ssl_target_name_override': 'server', 'grpc.default_authority': 'server' } }
/** Tests are not to wait for a client that tries again. */
const DEADLINE_MS = 20_000

t.test('over TLS the certificate is shown, and a new one to new connections', async (t) => {
  const one = authority(t.testdir())
  const { cert, key } = one.sign('server')
  const tls = materialOf({ cert: cert.toString(), key: key.toString() })
  const { server } = await grpcServer(t, { tls, log: instantLog })
  t.match(server.origin, /^https:/)
  const clientOf = (ca: Buffer, parts: ClientParts = NAMED) =>
    grpcClient(t, server, { ...parts, credentials: credentials.createSsl(ca) })
  const old = clientOf(one.ca)
  t.match(await old.unary(TRACES, spans), { code: 0 })
  t.match(await grpcClient(t, server).unary(TRACES, spans), { code: 14 }, 'not without TLS')

  const other = authority(mkdtempSync(`${t.testdirName}/`))
  const next = other.sign('server')
  t.match(await clientOf(other.ca).unary(TRACES, spans), { code: 14 }, 'not for another authority')
  tls.change({ cert: next.cert.toString(), key: next.key.toString() })
  t.match(await clientOf(other.ca).unary(TRACES, spans), { code: 0 })
  t.match(await old.unary(TRACES, spans), { code: 0 }, 'connections that are open stay')
})

t.test('with an authority for clients, only those that it signed come in', async (t) => {
  const { ca, sign } = authority(t.testdir())
  const { cert, key } = sign('server')
  const tls = materialOf({ cert: cert.toString(), key: key.toString(), clientCa: ca.toString() })
  const { server } = await grpcServer(t, { tls, log: instantLog })
  const known = sign('client')
  const unknown = authority(mkdtempSync(`${t.testdirName}/`)).sign('client')
  const answerTo = (pair?: { readonly cert: Buffer; readonly key: Buffer }) =>
    grpcClient(t, server, {
      ...NAMED,
      credentials:
        pair === undefined ? credentials.createSsl(ca) : credentials.createSsl(ca, pair.key, pair.cert),
    }).unary(TRACES, spans, { deadline: Date.now() + DEADLINE_MS })
  t.match(await answerTo(known), { code: 0 })
  t.match(await answerTo(unknown), { code: 14 })
  t.match(await answerTo(), { code: 14 })
})

t.test('a server that closes ends streams when what they have under way is acknowledged', async (t) => {
  const gate = Promise.withResolvers<void>()
  let appends = 0
  const log = {
    ...instantLog,
    append: () => {
      appends++
      return gate.promise
    },
  }
  const { client, server } = await grpcServer(t, { log })
  const stream = client.events()
  stream.call.write(batchOf([requestOf('web-1')], { producer: 'p', sequence: 1 }))
  const single = client.unary(TRACES, spans)
  await until(() => appends === 2)
  const closed = server.close()
  t.equal(server.close(), closed)
  gate.resolve()
  t.match(await stream.ended, { code: 14, retryAfterMs: 1000, details: /the server is closing/ })
  t.same(stream.acknowledged, [{ producer: 'p', sequence: 1 }])
  t.match(await single, { code: 0 })
  await closed
})

t.test('what does not end in time is cut off', async (t) => {
  const log = { ...instantLog, append: () => new Promise<void>(() => undefined) }
  const { client, server, stats } = await grpcServer(t, { log, limits: { closeGraceMs: 50 } })
  const single = client.unary(TRACES, spans)
  await until(() => stats.inFlightBytes > 0)
  await server.close()
  t.match(await single, { code: 14 })
})

t.test('connections are limited', async (t) => {
  const { client, server, stats } = await grpcServer(t, { log: instantLog, limits: { connections: 1 } })
  t.match(await client.unary(TRACES, spans), { code: 0 })
  // Clients of one process share connections, unless they differ.
  const other = grpcClient(t, server, { channel: { 'grpc.use_local_subchannel_pool': 1 } })
  t.match(await other.unary(TRACES, spans, { deadline: Date.now() + DEADLINE_MS }), { code: 14 })
  t.ok(stats.droppedConnections > 0)
})

t.test('calls of one connection are limited: more wait', async (t) => {
  const gate = Promise.withResolvers<void>()
  let appends = 0
  const log = {
    ...instantLog,
    append: () => {
      appends++
      return gate.promise
    },
  }
  const { client, stats } = await grpcServer(t, { log, limits: { callsPerConnection: 2 } })
  const answers = Array.from({ length: 6 }, () => client.unary(TRACES, spans))
  await until(() => appends === 2)
  t.equal(stats.openCalls, 2)
  gate.resolve()
  t.same(
    (await Promise.all(answers)).map(({ code }) => code),
    [0, 0, 0, 0, 0, 0],
  )
})
