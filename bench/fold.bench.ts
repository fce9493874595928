/** Decode and fold, events a second on one core, for each wire format and for taps of which none matches. */
import { Dictionary } from '../src/event/dictionary.ts'
import { decode } from '../src/event/decode.ts'
import { encodeEventBatch } from '../src/event/event-batch-encoder.ts'
import { EventColumns } from '../src/event/event-columns.ts'
import { eventsOf } from '../src/event/event-objects.ts'
import { CONTENT_TYPES } from '../src/event/content-type.ts'
import { eventToJson } from '../src/event/json-encoder.ts'
import { encodeOtlpTraces } from '../src/event/otlp-encoder.ts'
import type { RequestEvent } from '../src/event/event.ts'
import { BucketFold } from '../src/rollup/bucket-fold.ts'
import { FlowTable } from '../src/rollup/flow-table.ts'
import { RouteTemplates } from '../src/rollup/route.ts'
import { Rollup } from '../src/rollup/rollup.ts'
import { TopRollup } from '../src/rollup/top-rollup.ts'
import { sdkServerMessage } from '../test/event/otlp-messages.ts'
import { bestPerSecond, report } from './figure.ts'
import { takeColumns, traffic } from './traffic.ts'

const START_MS = 1_763_978_400_000
const SERIES = 1000

/** Decodes and folds records one after the other, draining once a hundred thousand events as a commit would. */
function folder(
  contentType: string,
  records: readonly Uint8Array[],
  observe?: (columns: EventColumns) => void,
) {
  const columns = new EventColumns(new Dictionary())
  const flows = new FlowTable(columns.dictionary, { routes: new RouteTemplates(), defaultCluster: 'east' })
  const fold = new BucketFold(new Rollup(), new TopRollup())
  let next = 0
  let undrained = 0
  return () => {
    const result = decode(contentType, records[next]!, columns)
    if (result.kind === 'malformed') throw new Error(result.fault.message)
    observe?.(columns)
    fold.foldRequests(columns, flows, 0, columns.requests)
    next = (next + 1) % records.length
    undrained += columns.requests
    if (undrained > 100_000) {
      fold.drain()
      undrained = 0
    }
    return columns.requests
  }
}

function batches(events: number, count: number, traces = false): EventColumns[] {
  const source = traffic({ series: SERIES, seed: 1, startMs: START_MS, traces })
  return Array.from({ length: count }, () => takeColumns(source, events))
}

function bytesPerEvent(records: readonly Uint8Array[], events: number): number {
  return records.reduce((sum, record) => sum + record.length, 0) / (records.length * events)
}

const large = batches(4096, 24).map(encodeEventBatch)
const small = batches(100, 900).map(encodeEventBatch)
const traced = batches(4096, 4, true).map(encodeEventBatch)
const jsonEvents = batches(500, 40).map((columns) => eventsOf(columns) as RequestEvent[])
const text = new TextEncoder()
const json = jsonEvents.map((events) =>
  text.encode(events.map((event) => JSON.stringify(eventToJson(event))).join('\n')),
)
/** Spans as an SDK sends them: all of one resource. */
const spans = Array.from({ length: 200 }, (_, i) => sdkServerMessage(100, i))
/** Spans as a collector may mix them: nearly every one of another resource. */
const mixedSpans = batches(100, 200, true).map((columns) =>
  encodeOtlpTraces(eventsOf(columns) as RequestEvent[]),
)

report({
  figure: 'wire: EventBatch of 4,096',
  value: bytesPerEvent(large, 4096),
  unit: 'bytes/event',
  bar: '<= 25',
})
report({
  figure: 'wire: EventBatch of 4,096 with trace ids',
  value: bytesPerEvent(traced, 4096),
  unit: 'bytes/event',
})
report({ figure: 'wire: EventBatch of 100', value: bytesPerEvent(small, 100), unit: 'bytes/event' })
report({ figure: 'wire: JSON lines', value: bytesPerEvent(json, 500), unit: 'bytes/event' })
report({ figure: 'wire: OTLP, one resource a message', value: bytesPerEvent(spans, 100), unit: 'bytes/span' })

const { eventBatch, ndjson, otlpTraces } = CONTENT_TYPES
const rate = (figure: string, unit: string, bar: string | undefined, work: () => number) =>
  report({ figure, value: bestPerSecond(work), unit, ...(bar === undefined ? {} : { bar }) })
rate('fold: EventBatch of 4,096', 'events/s', '>= 5000000', folder(eventBatch, large))
rate('fold: EventBatch of 100', 'events/s', '>= 1000000', folder(eventBatch, small))
rate('fold: JSON lines', 'events/s', '>= 300000', folder(ndjson, json))
rate('fold: OTLP spans, one resource a message', 'spans/s', '>= 800000', folder(otlpTraces, spans))
rate('fold: OTLP spans, a resource a span', 'spans/s', undefined, folder(otlpTraces, mixedSpans))
