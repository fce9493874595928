import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import type { EventLog, LogRecord, PartitionHandler, RecordBatch } from '../../src/log/event-log.ts'
import { LogError } from '../../src/log/event-log.ts'
import { type Commit, StoreError } from '../../src/store/rollup-store.ts'
import { FoldTraces, MAX_LINKS } from '../../src/telemetry/fold-traces.ts'
import { formatTraceparent } from '../../src/telemetry/traceparent.ts'
import { TracedEventLog } from '../../src/telemetry/traced-event-log.ts'
import { TracedRollupStore } from '../../src/telemetry/traced-rollup-store.ts'
import { inSpan } from '../../src/telemetry/tracer.ts'
import { MemoryRollupStore } from '../memory-rollup-store.ts'
import { RecordedSpans } from './recorded-spans.ts'

const spans = new RecordedSpans()
const { tracer } = spans
const PARTITION = 'events-0'

function contextOf(number: number, isSampled = true): string {
  const hex = number.toString(16)
  return formatTraceparent({ traceId: hex.padStart(32, 'a'), spanId: hex.padStart(16, 'b'), isSampled })
}

const SAMPLED = { kind: 'server', parent: contextOf(1) } as const
const UNSAMPLED = { kind: 'server', parent: contextOf(1, false) } as const

/** A log that keeps what was last appended and who subscribed, behind what traces it. */
function tracedLog() {
  let appended: readonly LogRecord[] = []
  let handler: PartitionHandler | undefined
  let failure: Error | undefined
  const log: EventLog = {
    append: async (_topic, records) => {
      appended = records
      if (failure !== undefined) throw failure
    },
    subscribe: async (_topic, given) => {
      handler = given
      return { seek: () => undefined, close: async () => undefined }
    },
    partitions: async () => [PARTITION],
    readSince: async function* () {},
    close: async () => undefined,
  }
  const folds = new FoldTraces()
  return {
    log: new TracedEventLog(log, tracer, folds),
    folds,
    appended: () => appended,
    handler: () => handler!,
    fail: (error: Error) => (failure = error),
  }
}

const record: LogRecord = { key: 'proxy', value: new Uint8Array(1), headers: { 'content-type': 'x' } }

function batchOf(...traceparents: readonly (string | undefined)[]): RecordBatch {
  const records = traceparents.map((traceparent, offset) => ({
    ...record,
    headers: traceparent === undefined ? {} : { traceparent },
    offset,
    timestampMs: 0,
  }))
  return { partition: PARTITION, records, endOffset: records.length }
}

t.test('records carry the context of their append where it is sampled, and only there', async (t) => {
  const { log, appended } = tracedLog()
  await inSpan(tracer, 'request', SAMPLED, () => log.append('events', [record, record]))
  const [append, request] = spans.take()
  t.equal(append?.name, 'append events')
  t.equal(append?.parentSpanContext?.spanId, request?.spanContext().spanId)
  const { traceId, spanId } = append!.spanContext()
  const headers = {
    'content-type': 'x',
    traceparent: formatTraceparent({ traceId, spanId, isSampled: true }),
  }
  t.strictSame(appended(), [
    { ...record, headers },
    { ...record, headers },
  ])
  t.strictSame(record.headers, { 'content-type': 'x' }, 'what was given is as it was')

  await inSpan(tracer, 'request', UNSAMPLED, () => log.append('events', [record]))
  t.strictSame(appended(), [record])
  await log.append('events', [record])
  t.strictSame(appended(), [record])
  t.strictSame(spans.take(), [])
})

t.test('what fails is told as such, and fails its caller as before', async (t) => {
  const { log, fail } = tracedLog()
  const failure = new LogError('LOG_UNAVAILABLE', 'no broker answers')
  fail(failure)
  await t.rejects(
    inSpan(tracer, 'request', SAMPLED, () => log.append('events', [record])),
    failure,
  )
  t.strictSame(
    spans.take().map(({ status }) => status),
    [
      { code: 2, message: 'no broker answers' },
      { code: 2, message: 'no broker answers' },
    ],
  )
})

t.test(
  'a batch is folded as the first sampled context goes on, linked to all, but to no more than 32',
  async (t) => {
    const { log, handler } = tracedLog()
    let active: string | undefined
    await log.subscribe('events', {
      assigned: async () => 7,
      records: async ({ endOffset }) => {
        active = tracer.active?.ids.span_id
        return endOffset
      },
      revoked: async () => undefined,
    })
    t.equal(await handler().assigned(PARTITION), 7)
    t.equal(await handler().records(batchOf(undefined, contextOf(1, false), 'nonsense')), 3)
    t.equal(active, undefined)
    t.strictSame(spans.take(), [], 'none of its records is sampled')

    const many = Array.from({ length: 100 }, (_, i) => contextOf(2 + i))
    t.equal(await handler().records(batchOf(undefined, many[0], many[0], ...many)), 103)
    const [fold] = spans.take()
    t.equal(fold?.spanContext().spanId, active)
    t.equal(fold?.spanContext().traceId, many[0]!.slice(3, 35))
    t.equal(fold?.links.length, MAX_LINKS)
    t.strictSame(
      fold?.links.map(({ context: { spanId } }) => spanId),
      many.slice(0, MAX_LINKS).map((traceparent) => traceparent.slice(36, 52)),
    )
  },
)

function commitOf(epoch: number, expectedOffset: number, offset: number): Commit {
  const meta = {
    offset,
    watermarkMs: 0,
    closedThroughMs: 0,
    openMs: [],
    producers: new Uint8Array(),
    counters: {},
  }
  return { partition: PARTITION, epoch, expectedOffset, meta, writes: [], expiries: [] }
}

t.test('a commit goes on from the folds before it, once, and says how it ended', async (t) => {
  const folds = new FoldTraces()
  const memory = new MemoryRollupStore()
  const store = new TracedRollupStore(memory, tracer, folds)
  const { epoch } = await store.claim(PARTITION)
  await store.commit(commitOf(epoch, 0, 1))
  t.strictSame(spans.take(), [], 'nothing of it was sampled')

  for (let i = 1; i <= 100; i++) folds.add(PARTITION, contextOf(i))
  await store.commit(commitOf(epoch, 1, 2))
  const [commit] = spans.take()
  t.match(commit, { name: `commit ${PARTITION}`, status: { code: 0 } })
  t.equal(commit?.parentSpanContext?.spanId, contextOf(1).slice(36, 52))
  t.equal(commit?.links.length, MAX_LINKS)
  await store.commit(commitOf(epoch, 2, 3))
  t.strictSame(spans.take(), [], 'they are committed')

  folds.add(PARTITION, contextOf(1))
  t.equal((await store.commit(commitOf(epoch, 9, 10))).kind, 'offset-moved')
  t.match(spans.take(), [{ status: { code: 2, message: 'offset-moved' } }])

  folds.add(PARTITION, contextOf(1))
  memory.failure = new StoreError('STORE_UNAVAILABLE', 'away')
  await t.rejects(store.commit(commitOf(epoch, 3, 4)), memory.failure)
  t.match(spans.take(), [{ status: { code: 2, message: 'away' } }])
})

t.test('one that is due while a batch is folded is part of that', async (t) => {
  const folds = new FoldTraces()
  const store = new TracedRollupStore(new MemoryRollupStore(), tracer, folds)
  const { epoch } = await store.claim(PARTITION)
  folds.add(PARTITION, contextOf(9))
  await inSpan(tracer, 'fold', SAMPLED, () => store.commit(commitOf(epoch, 0, 1)))
  const [commit, fold] = spans.take()
  t.equal(commit?.parentSpanContext?.spanId, fold?.spanContext().spanId)
})

t.test('a partition that is given back leaves no folds to whoever commits next', async (t) => {
  const { log, folds, handler } = tracedLog()
  await log.subscribe('events', {
    assigned: async () => 0,
    records: async ({ endOffset }) => endOffset,
    revoked: async () => undefined,
  })
  await handler().records(batchOf(contextOf(1)))
  await handler().revoked(PARTITION)
  t.strictSame(folds.take(PARTITION), [])
  spans.take()
})

t.test('reads are seen within what is traced, and not by timers that outlive it', async (t) => {
  const store = new TracedRollupStore(new MemoryRollupStore(), tracer, new FoldTraces())
  await store.read(PARTITION, () => [])
  t.strictSame(spans.take(), [])
  const later = await inSpan(tracer, 'GET /api/v1/stat', SAMPLED, async () => {
    await store.read(PARTITION, () => [])
    // As of a question that is asked again each second.
    return async () => {
      await turn()
      await store.read(PARTITION, () => [])
      return tracer.active
    }
  })
  t.strictSame(
    spans.take().map(({ name }) => name),
    [`read ${PARTITION}`, 'GET /api/v1/stat'],
  )
  const timer = Promise.withResolvers<unknown>()
  const ended = await inSpan(tracer, 'question', SAMPLED, async () => {
    setTimeout(() => timer.resolve(later()), 10)
    return true
  })
  t.ok(ended)
  spans.take()
  t.equal(await timer.promise, undefined)
  t.strictSame(spans.take(), [])
})
