import t from 'tap'
import { listening } from '../http/listening.ts'
import { attributesOf, toProtobuf } from '../event/otlp-reference.ts'
import { contentOf, ingestServer, storedRecords } from './ingest-server.ts'

const message = {
  resourceSpans: [
    {
      resource: {
        attributes: attributesOf({
          'service.name': 'orders',
          'k8s.namespace.name': 'shop',
          'k8s.deployment.name': 'orders',
          'k8s.pod.name': 'orders-1',
        }),
      },
      scopeSpans: [
        {
          spans: [
            {
              traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
              spanId: '00f067aa0ba902b7',
              name: 'GET /orders',
              kind: 2,
              startTimeUnixNano: '1795600000000000000',
              endTimeUnixNano: '1795600000012000000',
              attributes: attributesOf({
                'http.request.method': 'GET',
                'url.path': '/orders',
                'http.response.status_code': 200,
              }),
            },
            {
              traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
              spanId: '00f067aa0ba902b8',
              name: 'inner',
              kind: 1,
              startTimeUnixNano: '1795600000000000000',
              endTimeUnixNano: '1795600000001000000',
            },
          ],
        },
      ],
    },
  ],
}

const post = (payload: string | Buffer, contentType: string, headers = {}) =>
  ({
    method: 'POST',
    url: '/v1/traces',
    payload,
    headers: { 'content-type': contentType, ...headers },
  }) as const

t.test('spans in either encoding are the same events, and answered in it', async (t) => {
  for (const [type, payload, answer] of [
    ['application/x-protobuf', Buffer.from(toProtobuf(message)), ''],
    ['application/json', JSON.stringify(message), '{}'],
  ] as const) {
    const { app, log } = await ingestServer(t)
    const response = await app.inject(post(payload, type))
    t.equal(response.statusCode, 200, type)
    t.match(response.headers['content-type'], type)
    t.equal(response.body, answer, type)
    const records = await storedRecords(log)
    t.same(
      records.map(({ key }) => key),
      ['orders-1'],
      type,
    )
    t.match(
      contentOf(records[0]!).events,
      [
        {
          direction: 'inbound',
          destination: { namespace: 'shop', kind: 'deployment', name: 'orders', pod: 'orders-1' },
          method: 'GET',
          path: '/orders',
          status: 200,
          latencyMicros: 12_000,
          traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
        },
      ],
      type,
    )
    t.match(app.stats, { events: 1, records: 1, skippedSpans: 1 }, type)
  }
})

t.test('a message without requests is a success, and nothing is appended', async (t) => {
  const { app, log } = await ingestServer(t)
  t.equal((await app.inject(post('', 'application/x-protobuf'))).statusCode, 200)
  t.equal((await app.inject(post('{"resourceSpans":[]}', 'application/json'))).statusCode, 200)
  t.same(await storedRecords(log), [])
})

t.test('failures are a google.rpc.Status in the encoding of the request', async (t) => {
  const { app } = await ingestServer(t)
  const protobuf = await app.inject(post(Buffer.from('0aff01', 'hex'), 'application/x-protobuf'))
  t.equal(protobuf.statusCode, 400)
  t.equal(protobuf.headers['content-type'], 'application/x-protobuf')
  t.match(protobuf.body, /type\.googleapis\.com\/google\.rpc\.BadRequest/)

  const json = await app.inject(post('{"resourceSpans":7}', 'application/json'))
  t.equal(json.statusCode, 400)
  t.match(json.headers['content-type'], /^application\/json/)
  t.match(json.json(), { code: 3, details: [{ '@type': 'type.googleapis.com/google.rpc.BadRequest' }] })

  const large = await app.inject(post('{}', 'application/json', { 'content-encoding': 'lzma' }))
  t.equal(large.statusCode, 415)
  t.match(large.json(), { code: 3, message: /content-encoding "lzma"/ })
})

t.test('who does not speak OTLP gets a problem', async (t) => {
  const { app } = await ingestServer(t)
  const answer = await app.inject(post('x', 'text/plain'))
  t.match(answer.headers['content-type'], 'application/problem+json')
  t.match(answer.json(), {
    status: 415,
    code: 'UNSUPPORTED_MEDIA_TYPE',
    detail:
      'bodies of content-type "text/plain" are not read here; send one of: application/x-protobuf; ' +
      'proto=opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest, application/json',
  })
})

t.test('content types are exactly those of OTLP over a real socket', async (t) => {
  const { app } = await ingestServer(t)
  const url = `http://127.0.0.1:${await listening(app)}/v1/traces`
  for (const [type, body] of [
    ['application/x-protobuf', new Uint8Array(0)],
    ['application/json', '{}'],
  ] as const) {
    const answer = await fetch(url, { method: 'POST', headers: { 'content-type': type }, body })
    t.equal(answer.status, 200)
    t.equal(answer.headers.get('content-type')?.split(';')[0], type)
  }
})
