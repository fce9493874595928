import { ROOT_CONTEXT } from '@opentelemetry/api'
import {
  type ReadableSpan,
  SamplingDecision,
  type SpanExporter,
  TracerProvider,
} from '@opentelemetry/sdk-trace'
import t, { type Test } from 'tap'
import { MAX_WAITING_SPANS, SpanQueue } from '../../../src/telemetry/otlp/span-queue.ts'

type Done = Parameters<SpanExporter['export']>[1]
type Code = Parameters<Done>[0]['code']

// What the enum of OpenTelemetry's core says.
const TAKEN = 0 as unknown as Code
const FAILED = 1 as unknown as Code

/** A queue whose exporter answers when the test says so. */
function queueOf(t: Test) {
  const exports: { readonly spans: readonly ReadableSpan[]; readonly done: Done }[] = []
  const failures: string[] = []
  let isOver = false
  const exporter: SpanExporter = {
    export: (spans, done) => (isOver ? done({ code: TAKEN }) : exports.push({ spans, done })),
    shutdown: async () => undefined,
  }
  const queue = new SpanQueue({ exporter, onFailure: (message) => failures.push(message) })
  const tracer = new TracerProvider({ spanProcessors: [queue] }).getTracer('test')
  t.teardown(() => {
    isOver = true
    for (const { done } of exports) done({ code: TAKEN })
  })
  return { queue, exports, failures, span: () => tracer.startSpan('work', {}, ROOT_CONTEXT).end() }
}

t.test('what is more than may wait is dropped and counted, however long the collector takes', async (t) => {
  const { queue, exports, span } = queueOf(t)
  for (let i = 0; i < MAX_WAITING_SPANS + 100; i++) span()
  t.strictSame(queue.counts, { sent: 0, failed: 0, dropped: 100, waiting: MAX_WAITING_SPANS })
  t.equal(exports.length, 1, 'one batch at a time')
  const [{ spans, done }] = exports as [(typeof exports)[number]]
  done({ code: TAKEN })
  t.strictSame(queue.counts, {
    sent: spans.length,
    failed: 0,
    dropped: 100,
    waiting: MAX_WAITING_SPANS - spans.length,
  })
  span()
  t.equal(queue.counts.dropped, 100, 'there is room again')
})

t.test('what the collector did not take is counted and told', async (t) => {
  const { queue, exports, failures, span } = queueOf(t)
  span()
  const flushed = queue.forceFlush()
  exports[0]!.done({ code: FAILED, error: new Error('connection refused') })
  await t.rejects(flushed, /connection refused/)
  t.strictSame(queue.counts, { sent: 0, failed: 1, dropped: 0, waiting: 0 })
  t.strictSame(failures, ['spans could not be sent: connection refused'])
})

t.test('what is not sampled does not wait', async (t) => {
  const { queue } = queueOf(t)
  const tracer = new TracerProvider({
    spanProcessors: [queue],
    sampler: { shouldSample: () => ({ decision: SamplingDecision.RECORD }), toString: () => 'recorded only' },
  }).getTracer('test')
  const span = tracer.startSpan('work', {}, ROOT_CONTEXT)
  t.ok(span.isRecording())
  span.end()
  t.equal(queue.counts.waiting, 0)
})
