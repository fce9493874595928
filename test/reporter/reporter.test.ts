import t from 'tap'
import type { RequestEvent } from '../../src/event/event.ts'
import { Reporter, type ReporterOptions } from '../../src/reporter/reporter.ts'
import { CapturingIngest, decodeBatch } from './capturing-ingest.ts'
import { FakeTime, settle } from './fake-time.ts'

const PROBLEM = JSON.stringify({ status: 400, detail: 'byte 17: a varint ends early' })

function request(status: number, path = '/'): RequestEvent {
  return {
    kind: 'request',
    timeMs: 1_700_000_000_000,
    direction: 'inbound',
    destination: { namespace: 'emojivoto', kind: 'deployment', name: 'web' },
    method: 'GET',
    path,
    status,
    latencyMicros: 1500,
  }
}

type Step = Response | Error | 'hang'

/** A reporter in fake time, in front of an ingest that answers as `steps` say and then always with 200. */
function rig(steps: Step[], options: Partial<ReporterOptions> = {}) {
  const time = new FakeTime()
  const posts: Uint8Array[] = []
  const lines: string[] = []
  const reporter = new Reporter({
    ingestUrl: 'http://ingest.test:4318/',
    producer: 'producer-1',
    now: time.now,
    after: time.after,
    random: () => 0.5,
    log: { info: (line) => lines.push(`info ${line}`), warn: (line) => lines.push(`warn ${line}`) },
    fetch: async (url, init) => {
      t.equal(url, 'http://ingest.test:4318/v1/events')
      posts.push(init.body as Uint8Array)
      const step = steps.shift() ?? new Response('{}')
      if (step === 'hang') {
        return new Promise((_, reject) => {
          init.signal!.addEventListener('abort', () => reject(init.signal!.reason as Error))
        })
      }
      if (step instanceof Error) throw step
      return step
    },
    ...options,
  })
  const statuses = () =>
    posts.map((bytes) =>
      decodeBatch(bytes).events.map((event) => ('status' in event ? event.status : undefined)),
    )
  const paths = () =>
    posts.flatMap((bytes) => decodeBatch(bytes).events.map((event) => ('path' in event ? event.path : '')))
  const sequences = (): number[] => posts.map((bytes) => decodeBatch(bytes).sequence)
  return { reporter, time, posts, lines, statuses, paths, sequences }
}

t.test('events wait for a batch, at most flushMs', async (t) => {
  const { reporter, time, statuses } = rig([])
  reporter.report(request(200))
  await time.pass(199)
  reporter.report(request(201))
  t.same(statuses(), [])
  await time.pass(1)
  t.same(statuses(), [[200, 201]])
  t.match(reporter.stats, { reported: 2, sent: 2, batches: 1, pending: 0 })
  t.same(time.waits, [], 'an idle reporter has no timer')
})

t.test('a full batch goes at once: by its events, or by its bytes', async (t) => {
  const { reporter, statuses, sequences } = rig([], { batchEvents: 3, batchBytes: 4000 })
  for (const status of [200, 201, 202, 203]) reporter.report(request(status))
  reporter.report(request(500, `/${'x'.repeat(4000)}`))
  await settle()
  t.same(statuses(), [
    [200, 201, 202],
    [203, 500],
  ])
  t.same(sequences(), [1, 2])
})

t.test('a batch that could not be sent is sent again as it was, after longer and longer waits', async (t) => {
  const failures = [
    new TypeError('fetch failed', { cause: new Error('ECONNREFUSED') }),
    new Response('', { status: 503 }),
  ]
  const { reporter, time, posts, sequences, lines } = rig([...failures, new Response('', { status: 500 })])
  reporter.report(request(200))
  await time.pass(200)
  t.same(time.waits, [75], 'half of the wait is random')
  await time.pass(75)
  t.same(time.waits, [150])
  await time.pass(150)
  t.same(time.waits, [300])
  reporter.report(request(201))
  await time.pass(300)
  t.equal(posts.length, 5)
  t.same(sequences(), [1, 1, 1, 1, 2])
  for (const repeat of posts.slice(1, 4)) t.same(repeat, posts[0])
  t.match(reporter.stats, { sent: 2, batches: 2, retries: 3, refused: 0, pending: 0 })
  t.same(lines, [
    'warn cannot send events to http://ingest.test:4318/v1/events, and will try again: ECONNREFUSED',
    'info http://ingest.test:4318/v1/events takes events again',
  ])
})

t.test('waits are bounded, and at least as long as the ingest asks for', async (t) => {
  const check = async (retryAfter: string, want: number): Promise<void> => {
    const answer = new Response('', { status: 429, headers: { 'retry-after': retryAfter } })
    const { reporter, time } = rig([answer])
    reporter.report(request(200))
    await time.pass(200)
    t.same(time.waits, [want], retryAfter)
  }
  await check('2', 2000)
  await check('0', 75)
  await check('86400', 60_000)
  await check(new Date(1_000_200 + 4000 - 200).toUTCString(), 3800)
  await check('soon', 75)

  const { reporter, time } = rig(Array.from({ length: 12 }, () => new Error('down')))
  reporter.report(request(200))
  await time.pass(30_000)
  t.ok(time.waits[0]! <= 7500, 'maxBackoffMs, less the random part')
  await time.pass(60_000)
  t.equal(reporter.stats.sent, 1)
})

t.test('a try that hangs is given up and repeated', async (t) => {
  const { reporter, time, posts } = rig(['hang'], { requestTimeoutMs: 1000 })
  reporter.report(request(200))
  await time.pass(200 + 1000)
  t.equal(posts.length, 1)
  t.match(reporter.stats, { retries: 1, pending: 1 })
  await time.pass(75)
  t.match(reporter.stats, { sent: 1, pending: 0 })
})

t.test('a refused batch is counted, said with its reason, and does not hold up the next', async (t) => {
  const { reporter, time, lines, sequences } = rig([new Response(PROBLEM, { status: 400 })])
  reporter.report(request(200))
  await time.pass(200)
  reporter.report(request(201))
  await time.pass(200)
  t.match(reporter.stats, { refused: 1, sent: 1, retries: 0 })
  t.same(sequences(), [1, 2])
  t.same(lines, [
    'warn http://ingest.test:4318/v1/events refused a batch of 1 events: 400 byte 17: a varint ends early',
  ])
})

t.test('what cannot be kept is dropped: the newest, counted and said once a period', async (t) => {
  const down = Array.from({ length: 50 }, () => new Error('down'))
  const { reporter, time, statuses, lines } = rig(down, {
    batchEvents: 2,
    queuedBatches: 2,
    logPeriodMs: 10_000,
  })
  for (let status = 200; status < 210; status++) reporter.report(request(status))
  t.match(reporter.stats, { reported: 10, pending: 6, queuedBatches: 2, dropped: { 'queue-full': 4 } })
  down.length = 0
  await time.pass(5000)
  t.same(statuses().slice(-3), [
    [200, 201],
    [202, 203],
    [204, 205],
  ])
  t.match(reporter.stats, { sent: 6, pending: 0 })
  t.equal(lines.filter((line) => line.includes('queue-full')).length, 1)
})

t.test('bytes that wait are bounded too', async (t) => {
  const down = Array.from({ length: 50 }, () => new Error('down'))
  const { reporter } = rig(down, { batchBytes: 1000, queuedBytes: 2000 })
  for (let i = 0; i < 100; i++) reporter.report(request(200, `/${i}${'x'.repeat(900)}`))
  const { queuedBytes, queuedBatches, dropped } = reporter.stats
  t.ok(queuedBytes < 4000 && queuedBatches < 4, 'the bound, give or take a batch')
  t.ok(dropped['queue-full'] > 90)
  void reporter.close()
})

t.test('close sends what waits, and afterwards nothing is taken', async (t) => {
  const { reporter, time, statuses } = rig([new Error('down')])
  reporter.report(request(200))
  const closed = reporter.close()
  t.equal(reporter.close(), closed, 'idempotent')
  reporter.report(request(201))
  await time.pass(1000)
  await closed
  t.same(statuses(), [[200], [200]])
  t.match(reporter.stats, { sent: 1, dropped: { closed: 1 } })
  t.same(time.waits, [])
})

t.test('close gives up after closeMs and counts what is left', async (t) => {
  const { reporter, time } = rig(['hang'], { closeMs: 300, batchEvents: 2 })
  for (const status of [200, 201, 202]) reporter.report(request(status))
  const closed = reporter.close()
  await time.pass(300)
  await closed
  t.match(reporter.stats, { sent: 0, pending: 0, dropped: { unsent: 3 } })
  t.same(time.waits, [])
})

t.test('flush resolves when what was reported before it is settled', async (t) => {
  const { reporter, time } = rig([new Error('down')])
  await reporter.flush()
  reporter.report(request(200))
  let isFlushed = false
  const flushed = reporter.flush().then(() => (isFlushed = true))
  await settle()
  reporter.report(request(201))
  t.notOk(isFlushed)
  await time.pass(75)
  await flushed
  t.match(reporter.stats, { sent: 1, pending: 1 })
})

t.test('an event that cannot be read does no harm', async (t) => {
  const { reporter, time, statuses } = rig([])
  reporter.report({ ...request(200), destination: undefined } as unknown as RequestEvent)
  reporter.report(request(201))
  await time.pass(200)
  t.same(statuses(), [[201]])
  t.match(reporter.stats, { sent: 1, pending: 0, dropped: { invalid: 1 } })
})

t.test('more distinct paths than are remembered are reported all the same', async (t) => {
  const { reporter, paths } = rig([], { batchEvents: 10_000 })
  for (let i = 0; i < 30_000; i++) reporter.report(request(200, `/${i}`))
  await settle()
  reporter.report(request(201, '/0'))
  await reporter.flush()
  t.same(paths().slice(-2), ['/29999', '/0'])
  t.equal(new Set(paths()).size, 30_000)
})

t.test('a wrong option is refused', async (t) => {
  const check = (options: Partial<ReporterOptions>, want: RegExp): void => {
    t.throws(() => new Reporter({ ingestUrl: 'http://x', ...options }), want)
  }
  check({ ingestUrl: 'localhost:4318' }, /must be one such as http:\/\/127/)
  check({ flushMs: 0 }, /flushMs is 0/)
  check({ queuedBatches: 65 }, /queuedBatches is 65/)
})

t.test('over real HTTP, an ingest gets the events that were reported', async (t) => {
  await using ingest = await CapturingIngest.start()
  const reporter = new Reporter({ ingestUrl: ingest.url })
  const events = Array.from({ length: 5000 }, (_, i) => request(200 + (i % 300), `/items/${i}`))
  for (const event of events) reporter.report(event)
  await reporter.close()
  t.same(ingest.requests, events)
  t.same(
    ingest.batches.map(({ sequence }) => sequence),
    [1, 2, 3],
  )
  t.same([...ingest.contentTypes], ['application/x-protobuf; proto=meshtap.v1.EventBatch'])
  t.equal(new Set(ingest.batches.map(({ producer }) => producer)).size, 1)
})

t.test('while a token is refused events wait, and it is looked up each time', async (t) => {
  const refusal = () => new Response('{"detail":"the token is none that is known here"}', { status: 401 })
  const steps = [refusal(), refusal(), new Response('{}')]
  const tokens = ['hunter-1', 'hunter-2', 'hunter-3']
  const shown: (string | null)[] = []
  const { reporter, time, lines, posts } = rig([], {
    token: async () => tokens.shift()!,
    fetch: async (_url, init) => {
      shown.push(new Headers(init.headers).get('authorization'))
      return steps.shift()!
    },
  })
  reporter.report(request(1))
  const flushed = reporter.flush()
  await time.pass(10_000)
  await flushed
  t.strictSame(shown, ['Bearer hunter-1', 'Bearer hunter-2', 'Bearer hunter-3'])
  t.match(reporter.stats, { sent: 1, refused: 0, retries: 2 })
  t.match(
    lines[0],
    /^warn cannot send events to \S+, and will try again: the token is none that is known here$/,
  )
  t.notMatch(lines.join('\n'), /hunter/)
  t.equal(posts.length, 0)
})

t.test('a token that no header can carry is refused without showing it', async (t) => {
  for (const token of ['', 'hunter 2', 'hunter\n2']) {
    t.throws(() => rig([], { token }), { name: 'TypeError', message: /^the token is none(?!.*hunter)/s })
  }
  const { reporter, time, lines } = rig([], { token: async () => 'hunter 2', closeMs: 1000 })
  reporter.report(request(1))
  const closed = reporter.close()
  await time.pass(10_000)
  await closed
  t.match(lines[0], /the token is none that a header can carry/)
  t.notMatch(lines.join('\n'), /hunter/)
})
