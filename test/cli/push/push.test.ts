import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { CONTENT_TYPES } from '../../../src/event/content-type.ts'
import { decode } from '../../../src/event/decode.ts'
import { Dictionary } from '../../../src/event/dictionary.ts'
import { encodeEventBatch } from '../../../src/event/event-batch-encoder.ts'
import { EventColumns } from '../../../src/event/event-columns.ts'
import { addEvent, eventsOf } from '../../../src/event/event-objects.ts'
import type { RequestEvent } from '../../../src/event/event.ts'
import { eventToJson } from '../../../src/event/json-encoder.ts'
import { type Canned, type CannedServer, cannedServer, type Received } from '../canned-server.ts'
import { runInProcess } from '../in-process.ts'
import { runCli, startCli } from '../run-cli.ts'

const EVENTS = Array.from({ length: 1234 }, (_, i): RequestEvent => ({
  kind: 'request',
  timeMs: 1_700_000_000_000 + i,
  direction: 'inbound',
  destination: { namespace: 'shop', kind: 'deployment', name: 'web' },
  method: 'GET',
  path: `/users/${i % 7}`,
  status: i % 50 === 0 ? 503 : 200,
  latencyMicros: 1000 + i,
}))
const JSONS = EVENTS.map(eventToJson)
const NDJSON = JSONS.map((event) => `${JSON.stringify(event)}\n`).join('')

async function ingest(
  t: Test,
  answer: (request: Received, count: number) => Canned | Promise<Canned> = () => ({}),
) {
  const server = await cannedServer(answer)
  t.teardown(() => server[Symbol.asyncDispose]())
  return server
}

interface Batch {
  readonly producer: string
  readonly sequence: number
  readonly events: readonly unknown[]
}

function batchOf({ body }: Received): Batch {
  const columns = new EventColumns(new Dictionary())
  const result = decode(CONTENT_TYPES.eventBatch, body, columns)
  if (result.kind === 'malformed') throw new Error(result.fault.message)
  return { producer: columns.producer, sequence: columns.sequence, events: eventsOf(columns) }
}

/** Batches by their number, as the aggregator counts them: once each. */
function counted({ received }: CannedServer): Batch[] {
  const batches = new Map<string, { readonly batch: Batch; readonly hash: string }>()
  for (const request of received) {
    const batch = batchOf(request)
    const hash = createHash('sha256').update(request.body).digest('hex')
    const key = `${batch.producer} ${batch.sequence}`
    const other = batches.get(key)
    if (other !== undefined && other.hash !== hash) throw new Error(`two different batches are ${key}`)
    batches.set(key, { batch, hash })
  }
  return [...batches.values()].map(({ batch }) => batch)
}

t.test('a file is pushed in numbered batches of one producer', async (t) => {
  const server = await ingest(t)
  const folder = t.testdir({ 'events.ndjson': NDJSON })
  const result = await runCli(['push', `${folder}/events.ndjson`, '--ingest', server.url])
  t.strictSame(result, { code: 0, stdout: 'pushed 1234 events in 3 batches, 0 retries\n', stderr: '' })
  t.equal(server.received[0]!.path, '/v1/events')
  t.equal(server.received[0]!.headers['content-type'], CONTENT_TYPES.eventBatch)
  const batches = counted(server)
  t.strictSame(
    batches.map(({ sequence, events }) => [sequence, events.length]),
    [
      [1, 500],
      [2, 500],
      [3, 234],
    ],
  )
  t.equal(new Set(batches.map(({ producer }) => producer)).size, 1)
  t.match(batches[0]!.producer, /^[0-9a-f-]{36}$/)
  t.strictSame(
    batches.flatMap(({ events }) => events),
    EVENTS,
  )
})

t.test('every form of the same events is pushed alike', async (t) => {
  const columns = new EventColumns(new Dictionary())
  for (const event of EVENTS) addEvent(columns, event)
  columns.producer = 'other'
  columns.sequence = 7
  const folder = t.testdir({
    'events.json': JSON.stringify(JSONS),
    'pretty.json': JSON.stringify(JSONS, null, 2),
    'events.ndjson.gz': gzipSync(NDJSON),
    'members.gz': Buffer.concat([gzipSync(NDJSON.slice(0, 5000)), gzipSync(NDJSON.slice(5000))]),
    'events.pb': Buffer.from(encodeEventBatch(columns)),
    'events.pb.gz': gzipSync(encodeEventBatch(columns)),
  })
  const push = async (args: readonly string[], stdin?: string | Buffer) => {
    const server = await ingest(t)
    const { code, stdout, stderr } = await runInProcess(
      ['push', ...args, '--producer', 'p1', '--ingest', server.url],
      stdin === undefined ? {} : { stdin },
    )
    t.strictSame({ code, stderr }, { code: 0, stderr: '' }, args.join(' '))
    t.equal(stdout, 'pushed 1234 events in 3 batches, 0 retries\n')
    return server.received.map(({ body }) => body.toString('hex'))
  }
  const want = await push(['-'], NDJSON)
  t.strictSame(await push(['-'], gzipSync(NDJSON)), want)
  for (const name of [
    'events.json',
    'pretty.json',
    'events.ndjson.gz',
    'members.gz',
    'events.pb',
    'events.pb.gz',
  ]) {
    t.strictSame(await push([`${folder}/${name}`]), want, name)
  }
})

t.test('whatever an ingest does, each event is counted once', async (t) => {
  // Taken or not, in every way an answer can fail to come.
  const faults: readonly Canned[] = [
    { status: 429, headers: { 'retry-after': '0' }, body: { code: 'OVERLOADED', detail: 'behind' } },
    { status: 503, body: { code: 'LOG_UNAVAILABLE', detail: 'no broker answers' } },
    { cut: true },
    { status: 502, body: 'Bad Gateway' },
    { status: 500, body: '' },
    { status: 408, body: '' },
  ]
  const server = await ingest(t, (_, count) =>
    count % 2 === 1 ? faults[((count - 1) / 2) % faults.length]! : {},
  )
  const args = ['push', '-', '--batch', '100', '--ingest', server.url]
  const { code, stdout, stderr } = await runCli(args, { stdin: NDJSON })
  t.equal(stdout, 'pushed 1234 events in 13 batches, 13 retries\n')
  t.match(stderr, /^(cannot push now, and will try again: .+\n){13}$/)
  t.match(stderr, /try again: 429 behind\n/)
  t.equal(code, 0)
  t.equal(server.received.length, 26)
  t.strictSame(
    counted(server).flatMap(({ events }) => events),
    EVENTS,
  )
})

t.test('a push that broke off goes on under its producer, and nothing counts twice', async (t) => {
  let isBroken = true
  const server = await ingest(t, (_, count) => (isBroken && count > 4 ? { cut: true } : {}))
  const args = [
    'push',
    '-',
    '--batch',
    '100',
    '--producer',
    'import-1',
    '--retry-for',
    '0s',
    '--ingest',
    server.url,
  ]
  const first = await runInProcess(args, { stdin: NDJSON })
  t.equal(first.code, 1)
  t.equal(first.stdout, '')
  t.match(
    first.stderr,
    /^pushed 400 events; to go on, push the same file with the same options and --producer import-1: nothing is counted twice\nerror: cannot push to /,
  )
  isBroken = false
  const second = await runInProcess(args, { stdin: NDJSON })
  t.equal(second.stdout, 'pushed 1234 events in 13 batches, 0 retries\n')
  t.strictSame(
    counted(server).flatMap(({ events }) => events),
    EVENTS,
  )
})

t.test('what an ingest refuses ends the push with its reason', async (t) => {
  const server = await ingest(t, () => ({
    status: 413,
    body: { code: 'RECORD_TOO_LARGE', detail: 'too large' },
  }))
  const { code, stderr } = await runInProcess(['push', '-', '--ingest', server.url], { stdin: NDJSON })
  t.match(stderr, /^error: http:.*\/v1\/events refuses a message of \d+ bytes: 413 too large\n$/)
  t.equal(code, 1)
  t.equal(server.received.length, 1)
})

t.test('a malformed event stops the push at its line, or is skipped', async (t) => {
  const server = await ingest(t)
  const lines = NDJSON.split('\n')
  lines.splice(700, 0, '{"time":"noon"}', '', 'nonsense')
  const args = ['push', '-', '--ingest', server.url]
  const stopped = await runInProcess(args, { stdin: lines.join('\n') })
  t.match(
    stopped.stderr,
    /^pushed 500 events; to go on, .*\nerror: standard input, line 701: "time" must be an RFC 3339 time/,
  )
  t.equal(stopped.code, 1)
  const skipped = await runInProcess([...args, '--skip-malformed'], { stdin: lines.join('\n') })
  t.equal(skipped.stdout, 'pushed 1234 events in 3 batches, 0 retries, 2 malformed events skipped\n')
  t.match(skipped.stderr, /^skipped standard input, line 701: .*\nskipped standard input, line 703: .*\n$/)
  t.equal(skipped.code, 0)
  const many = await runInProcess([...args, '--skip-malformed'], { stdin: 'x\n'.repeat(20) })
  t.equal(many.stdout, 'pushed 0 events in 0 batches, 0 retries, 20 malformed events skipped\n')
  t.equal(many.stderr.split('\n').length, 6, 'the first five are named')
})

t.test('what cannot be read is said to', async (t) => {
  const folder = t.testdir({
    'broken.gz': gzipSync(NDJSON).subarray(0, 200),
    'broken.pb': Buffer.from([0x0a, 0x7f, 0x00]),
    'empty.ndjson': '',
    folder: {},
  })
  const server = await ingest(t)
  const check = async (path: string, want: RegExp, code = 1) => {
    const result = await runInProcess(['push', path, '--ingest', server.url])
    t.match(result.stderr, want)
    t.equal(result.code, code, path)
  }
  await check(`${folder}/nothing`, /^error: cannot read .*nothing: ENOENT/)
  await check(`${folder}/folder`, /^error: cannot read .*folder: it is a directory/)
  await check(`${folder}/broken.gz`, /^error: cannot read .*broken.gz: unexpected end of file/)
  await check(`${folder}/broken.pb`, /^error: .*broken.pb, read as an EventBatch, byte /)
  await check(`${folder}/empty.ndjson`, /^$/, 0)
  t.strictSame(server.received, [])
})

t.test('OTLP messages are sent as they are', async (t) => {
  const fixture = new URL('../../fixtures/otlp/caddy.bin', import.meta.url)
  const message = { resourceSpans: [{ scopeSpans: [{ spans: [{ name: '{"}"' }] }] }] }
  const folder = t.testdir({
    'one.json': JSON.stringify(message, null, 2),
    'lines.json': `${JSON.stringify(message)}\n${JSON.stringify(message)}\n`,
    'spans.bin.gz': gzipSync(readFileSync(fixture)),
  })
  const push = async (name: string) => {
    const server = await ingest(t, (_, count) => (count === 1 ? { status: 503, body: '' } : {}))
    const { code, stdout } = await runInProcess([
      'push',
      '--otlp',
      `${folder}/${name}`,
      '--producer',
      'p1',
      '--ingest',
      server.url,
    ])
    t.equal(code, 0)
    const [first, ...rest] = server.received
    t.ok(first!.body.equals(rest[0]!.body), 'what is sent again is the same')
    t.equal(first!.headers['meshtap-sequence'], '1', 'under the same number')
    t.same(
      rest.map(({ headers }) => [headers['meshtap-producer'], headers['meshtap-sequence']]),
      rest.map((_, i) => ['p1', String(i + 1)]),
    )
    return { stdout, received: rest }
  }
  const one = await push('one.json')
  t.equal(one.stdout, 'pushed 1 OTLP messages, 1 retries\n')
  t.equal(one.received[0]!.path, '/v1/traces')
  t.equal(one.received[0]!.headers['content-type'], 'application/json')
  t.strictSame(JSON.parse(one.received[0]!.body.toString()), message)
  t.equal((await push('lines.json')).received.length, 2)
  const protobuf = await push('spans.bin.gz')
  t.equal(protobuf.received[0]!.headers['content-type'], 'application/x-protobuf')
  t.ok(protobuf.received[0]!.body.equals(readFileSync(fixture)))
  const mixed = await runInProcess(['push', '--otlp', '--rate', '5', '-'])
  t.match(mixed.stderr, /^error: --otlp sends messages as they are/)
  t.equal(mixed.code, 2)
})

t.test('told to stop, it says how far it came', async (t) => {
  const third = Promise.withResolvers<void>()
  const server = await ingest(t, (_, count) => {
    if (count < 3) return {}
    third.resolve()
    return new Promise<Canned>(() => {})
  })
  const args = ['push', '-', '--batch', '100', '--producer', 'p1', '--ingest', server.url]
  const running = startCli(args, { stdin: NDJSON })
  await third.promise
  running.child.kill('SIGINT')
  const { code, stdout, stderr } = await running.result
  t.equal(stdout, '')
  t.match(
    stderr,
    /^pushed 200 events; to go on, .*--producer p1: nothing is counted twice\nerror: stopped before the end\n$/,
  )
  t.equal(code, 1)
})

t.test('told to stop while it waits for input, it stops', async (t) => {
  const last = Promise.withResolvers<void>()
  const server = await ingest(t, (_, count) => {
    if (count === 12) last.resolve()
    return {}
  })
  const args = ['push', '-', '--batch', '100', '--ingest', server.url]
  const running = startCli(args, { keepsStdinOpen: true })
  running.child.stdin!.write(NDJSON)
  await last.promise
  running.child.kill('SIGTERM')
  const { code, stderr } = await running.result
  t.match(stderr, /error: stopped before the end\n$/)
  t.equal(code, 1)
})

t.test('a rate is not exceeded', async (t) => {
  const server = await ingest(t)
  const started = performance.now()
  const args = ['push', '-', '--rate', '4000', '--ingest', server.url]
  const { stdout } = await runInProcess(args, { stdin: NDJSON })
  t.equal(stdout, 'pushed 1234 events in 3 batches, 0 retries\n')
  t.ok(performance.now() - started >= (1234 / 4000) * 1000 - 1)
})

t.test('a terminal sees a bar, which is gone at the end', async (t) => {
  const server = await ingest(t)
  const options = { stdin: NDJSON, columns: 80, showsProgress: true }
  const { stdout, stderr } = await runInProcess(
    ['push', '-', '--batch', '100', '--ingest', server.url],
    options,
  )
  t.match(stderr, /\rstandard input {2}\d+ events/)
  t.ok(stderr.endsWith('\r\u001b[K'))
  t.equal(stdout, 'pushed 1234 events in 13 batches, 0 retries\n')
})
