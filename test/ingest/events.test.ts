import t from 'tap'
import type { MeshEvent } from '../../src/event/event.ts'
import {
  batchOf,
  contentOf,
  EVENT_BATCH,
  ingestServer,
  jsonOf,
  requestOf,
  storedRecords,
} from './ingest-server.ts'

const post = (payload: string | Buffer, contentType: string | undefined, headers = {}) =>
  ({
    method: 'POST',
    url: '/v1/events',
    payload,
    headers: { ...(contentType === undefined ? {} : { 'content-type': contentType }), ...headers },
  }) as const

const problem = (status: number, title: string, code: string, detail: string, more = {}) => ({
  type: 'about:blank',
  title,
  status,
  detail,
  code,
  ...more,
})

t.test('a numbered batch goes into the log as it came, under its producer', async (t) => {
  const { app, log } = await ingestServer(t)
  const batch = batchOf([requestOf('web-1'), requestOf('web-2')], { producer: 'p-1', sequence: 7 })
  const answer = await app.inject(post(batch, EVENT_BATCH))
  t.equal(answer.statusCode, 200)
  t.equal(answer.headers['content-type'], 'application/json; charset=utf-8')
  t.same(answer.json(), { accepted: 2, unknownFields: 0 })
  const records = await storedRecords(log)
  t.same(
    records.map(({ key, headers, value }) => ({ key, headers, value: Buffer.from(value) })),
    [{ key: 'p-1', headers: { 'content-type': EVENT_BATCH }, value: batch }],
  )
})

t.test('a batch of one proxy goes as it came, one of several is split', async (t) => {
  const { app, log } = await ingestServer(t)
  const one = batchOf([requestOf('web-1', 1), requestOf('web-1', 2)])
  t.equal((await app.inject(post(one, 'application/x-protobuf'))).statusCode, 200)
  const [record] = await storedRecords(log)
  t.match(record, { key: 'web-1', value: one })

  const two = batchOf([requestOf('web-1', 3), requestOf('web-2', 4), requestOf('web-1', 5)])
  t.same((await app.inject(post(two, EVENT_BATCH))).json(), { accepted: 3, unknownFields: 0 })
  t.same(await eventsByKey(log), {
    'web-1': [1, 2, 3, 5].map((index) => requestOf('web-1', index)),
    'web-2': [requestOf('web-2', 4)],
  })
})

t.test('JSON is encoded anew, one record a proxy', async (t) => {
  const { app, log } = await ingestServer(t)
  const events = [requestOf('web-1', 1), requestOf('web-2', 2), requestOf('web-1', 3)].map(jsonOf)
  const array = JSON.stringify(events)
  const lines = events.map((event) => JSON.stringify(event)).join('\n')
  for (const [name, payload, type, accepted] of [
    ['array', array, 'application/json', 3],
    ['one', JSON.stringify(events[0]), 'application/json; charset=utf-8', 1],
    ['lines', `${lines}\n`, 'application/x-ndjson', 3],
    ['no events', '[]', 'application/json', 0],
    ['nothing', '', 'application/x-ndjson', 0],
  ] as const) {
    const answer = await app.inject(post(payload, type))
    t.equal(answer.statusCode, 200, name)
    t.same(answer.json(), { accepted, unknownFields: 0 }, name)
  }
  t.same((await app.inject(post(JSON.stringify({ ...events[0], nonsense: 1 }), 'application/json'))).json(), {
    accepted: 1,
    unknownFields: 1,
  })
  t.same(await eventsByKey(log), {
    'web-1': [1, 3, 1, 1, 3, 1].map((index) => requestOf('web-1', index)),
    'web-2': [2, 2].map((index) => requestOf('web-2', index)),
  })
  t.match(app.stats, { events: 8, records: 6, unknownFields: 1, requests: 6, inFlightBytes: 0 })
})

t.test('what does not fit a record is split, and a numbered batch refused', async (t) => {
  const { app, log } = await ingestServer(t, { limits: { recordBytes: 1000 } })
  const events = Array.from({ length: 300 }, (_, index) => requestOf('web-1', index))
  t.same((await app.inject(post(batchOf(events), EVENT_BATCH))).json(), { accepted: 300, unknownFields: 0 })
  const records = await storedRecords(log)
  t.ok(records.length > 1)
  t.ok(records.every(({ key, value }) => key === 'web-1' && value.length <= 1000))
  t.same(await eventsByKey(log), { 'web-1': events })

  const numbered = batchOf(events, { producer: 'p', sequence: 1 })
  const refused = await app.inject(post(numbered, EVENT_BATCH))
  t.match(refused.json(), {
    status: 413,
    code: 'RECORD_TOO_LARGE',
    detail: `a numbered batch is one record of the log, of at most 1000 bytes, not ${numbered.length}; number smaller ones`,
  })
  const large = { ...requestOf('web-1'), path: `/${'x'.repeat(3000)}` }
  t.match((await app.inject(post(batchOf([large]), EVENT_BATCH))).json(), {
    status: 413,
    code: 'RECORD_TOO_LARGE',
    detail: /^an event alone needs \d+ bytes, and a record of the log has at most 1000; leave headers out$/,
  })
  t.equal((await storedRecords(log)).length, records.length, 'nothing of the refused was taken')
})

t.test('what cannot be taken is refused with the reason and the place', async (t) => {
  const { app, log } = await ingestServer(t, { limits: { bodyBytes: 1000 } })
  const list =
    'send one of: application/json, application/x-ndjson, application/x-protobuf; proto=meshtap.v1.EventBatch'
  const batch = batchOf([requestOf('web-1')])
  for (const [name, request, body, headers] of [
    [
      'content type',
      post('x', 'text/plain'),
      problem(
        415,
        'Unsupported Media Type',
        'UNSUPPORTED_MEDIA_TYPE',
        `bodies of content-type "text/plain" are not read here; ${list}`,
      ),
      {
        accept: 'application/json, application/x-ndjson, application/x-protobuf; proto=meshtap.v1.EventBatch',
      },
    ],
    [
      'no content type',
      post('x', undefined),
      problem(
        415,
        'Unsupported Media Type',
        'UNSUPPORTED_MEDIA_TYPE',
        `the request has no content-type; ${list}`,
      ),
    ],
    [
      'nonsense for a content type',
      post('x', 'nonsense'),
      problem(
        415,
        'Unsupported Media Type',
        'UNSUPPORTED_MEDIA_TYPE',
        'the content-type is none that is read here; /api/docs lists those that are',
      ),
    ],
    [
      'encoding',
      post(batch, EVENT_BATCH, { 'content-encoding': 'lzma' }),
      problem(
        415,
        'Unsupported Media Type',
        'UNSUPPORTED_ENCODING',
        'bodies of content-encoding "lzma" are not read; send one of gzip, deflate, br, zstd, or none',
      ),
      { 'accept-encoding': 'gzip, deflate, br, zstd' },
    ],
    [
      'size',
      post(Buffer.alloc(1001), EVENT_BATCH),
      problem(
        413,
        'Payload Too Large',
        'BODY_TOO_LARGE',
        'the body is larger than 1000 bytes, compressed or inflated; send fewer events at once',
      ),
    ],
    [
      'truncated batch',
      post(batch.subarray(0, 20), EVENT_BATCH),
      problem(400, 'Bad Request', 'BODY_MALFORMED', 'byte 12: a length of 10 bytes, but only 7 are left', {
        at: 'byte 12',
      }),
    ],
    [
      'a method',
      { method: 'GET', url: '/v1/events' } as const,
      problem(405, 'Method Not Allowed', 'METHOD_NOT_ALLOWED', '/v1/events takes POST, not GET'),
      { allow: 'POST' },
    ],
    [
      'a page elsewhere',
      post(batch, EVENT_BATCH, { origin: 'https://evil.example' }),
      problem(
        403,
        'Forbidden',
        'ORIGIN_NOT_ALLOWED',
        'pages of "https://evil.example" may not use this server, which was asked for as "localhost:80"',
      ),
    ],
  ] as const) {
    const answer = await app.inject(request)
    t.same(answer.json(), body, name)
    t.match(
      answer.headers,
      {
        'content-type': 'application/problem+json; charset=utf-8',
        'x-content-type-options': 'nosniff',
        ...headers,
      },
      name,
    )
    t.equal(answer.statusCode, body.status, name)
  }
  t.same(await storedRecords(log), [])
  t.same(app.stats.problems, {
    UNSUPPORTED_MEDIA_TYPE: 3,
    UNSUPPORTED_ENCODING: 1,
    BODY_TOO_LARGE: 1,
    BODY_MALFORMED: 1,
    METHOD_NOT_ALLOWED: 1,
    ORIGIN_NOT_ALLOWED: 1,
  })
})

t.test('malformed JSON is refused with the place of the fault, and nothing of it taken', async (t) => {
  const { app, log } = await ingestServer(t)
  const good = jsonOf(requestOf('web-1'))
  const { latencyMicros: _, ...incomplete } = good
  for (const [name, payload, type, at] of [
    ['syntax', `[${JSON.stringify(good)},`, 'application/json', /line 1/],
    ['a field', JSON.stringify([good, incomplete]), 'application/json', /\[1\]/],
    ['a line', `${JSON.stringify(good)}\n${JSON.stringify(incomplete)}\n`, 'application/x-ndjson', /line 2/],
  ] as const) {
    const { status, code, detail, at: place } = (await app.inject(post(payload, type))).json()
    t.match({ status, code, place }, { status: 400, code: 'BODY_MALFORMED', place: at }, name)
    t.ok(detail.startsWith(`${place}: `), name)
  }
  t.same(await storedRecords(log), [])
})

async function eventsByKey(log: Parameters<typeof storedRecords>[0]): Promise<Record<string, MeshEvent[]>> {
  const byKey: Record<string, MeshEvent[]> = {}
  for (const record of await storedRecords(log))
    (byKey[record.key ?? ''] ??= []).push(...contentOf(record).events)
  return byKey
}
