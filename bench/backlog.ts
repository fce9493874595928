import type { EventLog, LogRecord } from '../src/log/event-log.ts'
import { CONTENT_TYPES } from '../src/event/content-type.ts'
import { Dictionary } from '../src/event/dictionary.ts'
import type { RequestEvent } from '../src/event/event.ts'
import { encodeEventBatch } from '../src/event/event-batch-encoder.ts'
import { EventColumns } from '../src/event/event-columns.ts'
import { addEvent } from '../src/event/event-objects.ts'
import { eventToJson } from '../src/event/json-encoder.ts'
import { partitionOfKey } from '../src/log/murmur2.ts'
import { sdkServerMessage } from '../test/event/otlp-messages.ts'
import { timedEventBatch, timedJson, timedOtlp, type TimedValue } from './timed-value.ts'
import { traffic } from './traffic.ts'

/** When the events of a template are, before it is moved to its place. */
const TEMPLATE_MS = 1_763_978_400_000
const SERIES = 1000
/** Of events whose records are being made or wait to be acknowledged. */
const APPENDED_BYTES = 8 * 2 ** 20

/** How events come: in records of one format and size. */
export interface RecordKind {
  readonly name: string
  readonly contentType: string
  readonly eventsPerRecord: number
  /** Made of events, all of one partition. */
  readonly template: (events: RequestEvent[], seed: number) => TimedValue
}

export const RECORD_KINDS = {
  eventBatch: {
    name: 'EventBatch of 4,096',
    contentType: CONTENT_TYPES.eventBatch,
    eventsPerRecord: 4096,
    template: (events) => {
      const columns = new EventColumns(new Dictionary())
      for (const event of events) addEvent(columns, event)
      return timedEventBatch(encodeEventBatch(columns), TEMPLATE_MS)
    },
  },
  json: {
    name: 'JSON, one event a record',
    contentType: CONTENT_TYPES.json,
    eventsPerRecord: 1,
    template: jsonTemplate,
  },
  jsonLines: {
    name: 'JSON, 500 events a record',
    contentType: CONTENT_TYPES.ndjson,
    eventsPerRecord: 500,
    template: jsonTemplate,
  },
  otlp: {
    name: 'OTLP, 100 spans a record',
    contentType: CONTENT_TYPES.otlpTraces,
    eventsPerRecord: 100,
    template: (events, seed) => timedOtlp(sdkServerMessage(events.length, seed), events.length),
  },
} as const satisfies Record<string, RecordKind>

function jsonTemplate(events: readonly RequestEvent[]): TimedValue {
  const lines = events.map((event) => JSON.stringify(eventToJson(event)))
  return timedJson(Buffer.from(lines.join('\n')), TEMPLATE_MS)
}

export interface BacklogOptions {
  readonly kind: RecordKind
  readonly partitions: number
  /** As many as fit into whole records for each partition. */
  readonly events: number
  /** Epoch milliseconds of the first event. */
  readonly startMs: number
  /** Over which the events are spread. */
  readonly spanMs: number
  /** Templates a partition: its records are these, one after the other, each at its own time. */
  readonly templates: number
}

export interface Backlog {
  readonly records: number
  readonly recordsPerPartition: number
  readonly events: number
}

/**
 * Fills a topic: the traffic of `SERIES` series, each in the partition that its proxy's name belongs to, as if it had
 * come evenly for `spanMs`.
 */
export async function fill(log: EventLog, topic: string, options: BacklogOptions): Promise<Backlog> {
  const { kind, partitions, startMs, spanMs } = options
  const sources = partitionSources(options)
  const perPartition = Math.ceil(options.events / kind.eventsPerRecord / partitions)
  const headers = { 'content-type': kind.contentType }
  let records: LogRecord[] = []
  let bytes = 0
  let under: Promise<void> = Promise.resolve()
  for (let i = 0; i < perPartition; i++) {
    const timeMs = startMs + Math.floor((i * spanMs) / perPartition)
    for (const { key, templates } of sources) {
      const value = templates[i % templates.length]!.at(timeMs)
      records.push({ key, value, headers })
      bytes += value.length
      if (bytes < APPENDED_BYTES) continue
      await under
      under = log.append(topic, records)
      records = []
      bytes = 0
    }
  }
  await under
  await log.append(topic, records)
  const all = perPartition * partitions
  return { records: all, recordsPerPartition: perPartition, events: all * kind.eventsPerRecord }
}

interface PartitionSource {
  /** A proxy of the partition. */
  readonly key: string
  readonly templates: readonly TimedValue[]
}

function partitionSources({ kind, partitions, templates }: BacklogOptions): PartitionSource[] {
  const events = traffic({ series: SERIES, seed: 11, startMs: TEMPLATE_MS })
  const sources = Array.from({ length: partitions }, () => ({
    key: '',
    events: [] as RequestEvent[],
    templates: [] as TimedValue[],
  }))
  for (let left = partitions * templates; left > 0;) {
    const event = events.next().value
    const source = sources[partitionOfKey(Buffer.from(event.proxy!), partitions)]!
    if (source.templates.length === templates) continue
    source.key = event.proxy!
    // Four events a millisecond, as in the traffic of all.
    source.events.push({ ...event, timeMs: TEMPLATE_MS + Math.floor(source.events.length / 4) })
    if (source.events.length < kind.eventsPerRecord) continue
    source.templates.push(kind.template(source.events, left))
    source.events = []
    left--
  }
  return sources
}
