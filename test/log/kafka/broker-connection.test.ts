import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { BrokerConnection } from '../../../src/log/kafka/broker-connection.ts'
import { brokerAddress, type KafkaSasl } from '../../../src/log/kafka/kafka-connection.ts'
import { ReusableMemory } from '../../../src/log/kafka/reusable-memory.ts'

/** Connects to what does with connections as it is told. */
async function connectTo(
  t: Test,
  serve: (socket: Socket) => void,
  sasl?: KafkaSasl,
): Promise<BrokerConnection> {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    serve(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const connection = new BrokerConnection(
    { host: '127.0.0.1', port },
    { brokers: [], clientId: 'test', ...(sasl === undefined ? {} : { sasl }) },
    new ReusableMemory(),
  )
  t.teardown(() => {
    connection.close()
    server.close()
  })
  return connection
}

/** Answers requests in turn with what `answers` has for them, and then ends the connection. */
function answering(answers: readonly Buffer[]): (socket: Socket) => void {
  return (socket) => {
    let next = 0
    socket.on('data', (request) => {
      const answer = answers[next++]
      if (answer === undefined) {
        socket.end()
        return
      }
      const head = Buffer.alloc(8)
      head.writeInt32BE(4 + answer.length, 0)
      request.copy(head, 4, 8, 12)
      socket.write(Buffer.concat([head, answer]))
    })
  }
}

/** An answer of ApiVersions that says that a broker knows every request up to version 20, or `max`. */
function versions(max = 20): Buffer {
  const answer = Buffer.alloc(2 + 4 + 60 * 6 + 4)
  answer.writeInt32BE(60, 2)
  for (let api = 0; api < 60; api++) {
    answer.writeInt16BE(api, 6 + 6 * api)
    answer.writeInt16BE(max, 6 + 6 * api + 4)
  }
  return answer
}

t.test('whatever a broker does, a request settles', async (t) => {
  const sasl: KafkaSasl = { mechanism: 'plain', username: 'u', password: 'p' }
  const cases: readonly (readonly [string, (socket: Socket) => void, RegExp, KafkaSasl?])[] = [
    ['hangs up at once', (socket) => socket.end(), /cannot use the broker 127\.0\.0\.1:\d+/],
    ['breaks off at once', (socket) => socket.resetAndDestroy(), /cannot use the broker/],
    ['hangs up when asked', answering([]), /cannot use the broker/],
    [
      'breaks off when asked',
      (socket) => socket.once('data', () => socket.resetAndDestroy()),
      /cannot use the broker/,
    ],
    ['says nothing', () => {}, /did not answer within 3000 ms/],
    ['is too old', answering([versions(5)]), /knows Produce of versions 0 to 5, not 7; Kafka 2\.3/],
    ['hangs up later', answering([versions()]), /Closed connection|was closed/],
    ['hangs up at the login', answering([versions()]), /cannot use the broker/, sasl],
  ]
  await Promise.all(
    cases.map(async ([what, serve, expected, sasl]) => {
      const connection = await connectTo(t, serve, sasl)
      const request = () =>
        connection.request('Heartbeat', { groupId: 'g', groupGenerationId: 1, memberId: 'm' }, 1_000)
      await t.rejects(request(), { message: expected }, what)
      t.notOk(connection.isUsable, `${what}: another is made`)
      await t.rejects(request(), { message: /closed|cannot use/ }, what)
    }),
  )
})

t.test('closing rejects what is under way', async (t) => {
  const asked = Promise.withResolvers<void>()
  const connection = await connectTo(t, (socket) => socket.once('data', () => asked.resolve()))
  const request = t.rejects(connection.request('Heartbeat', {}, 10_000), { message: /closed/ })
  await asked.promise
  connection.close()
  await request
})

t.test("a broker's address is host and port", async (t) => {
  t.same(brokerAddress('kafka-1.example:9092'), { host: 'kafka-1.example', port: 9092 })
  t.same(brokerAddress('[::1]:9092'), { host: '::1', port: 9092 })
  for (const text of [
    'kafka',
    'kafka:',
    'kafka:0',
    'kafka:99999',
    ':9092',
    'kafka://a:1',
    '::1:9092',
    'a b:1',
    '',
  ]) {
    t.throws(() => brokerAddress(text), { name: 'RangeError', message: /host:port/ }, text)
  }
})
