import type { Test } from 'tap'
import { decode } from '../../src/event/decode.ts'
import { Dictionary } from '../../src/event/dictionary.ts'
import type { MeshEvent, RequestEvent } from '../../src/event/event.ts'
import { encodeEventBatch } from '../../src/event/event-batch-encoder.ts'
import { EventColumns } from '../../src/event/event-columns.ts'
import { addEvent, eventsOf } from '../../src/event/event-objects.ts'
import { createIngest, type IngestOptions } from '../../src/ingest/ingest.ts'
import { EmbeddedEventLog } from '../../src/log/embedded/embedded-event-log.ts'
import type { EventLog, StoredRecord } from '../../src/log/event-log.ts'

export const TOPIC = 'mesh.requests'
export const EVENT_BATCH = 'application/x-protobuf; proto=meshtap.v1.EventBatch'

/** A log on disk that ends with the test. */
export async function embeddedLog(t: Test): Promise<EventLog> {
  const log = await EmbeddedEventLog.open({
    path: t.testdir(),
    partitions: 4,
    maxBytes: 64 * 2 ** 20,
    maxAgeMs: 3_600_000,
  })
  t.teardown(() => log.close())
  return log
}

/** An ingest server over a log on disk. */
export async function ingestServer(t: Test, options: Partial<IngestOptions> = {}) {
  const log = options.log ?? (await embeddedLog(t))
  const app = await createIngest({ topic: TOPIC, version: '0.0.0', now: () => 0, ...options, log })
  t.teardown(() => app.close())
  return { app, log }
}

/** All records of the topic, by partition in order. */
export async function storedRecords(log: EventLog): Promise<StoredRecord[]> {
  const records: StoredRecord[] = []
  for (const partition of await log.partitions(TOPIC)) {
    for await (const batch of log.readSince(partition, 0)) records.push(...batch.records)
  }
  return records
}

/** The events of a record as objects, with its producer and number. */
export function contentOf(record: StoredRecord): { producer: string; sequence: number; events: MeshEvent[] } {
  const columns = new EventColumns(new Dictionary())
  const result = decode(record.headers['content-type'], record.value, columns)
  if (result.kind === 'malformed') throw new Error(JSON.stringify(result.fault))
  return { producer: columns.producer, sequence: columns.sequence, events: eventsOf(columns) }
}

export function batchOf(
  events: readonly MeshEvent[],
  number?: { readonly producer: string; readonly sequence: number },
): Buffer {
  const columns = new EventColumns(new Dictionary())
  for (const event of events) addEvent(columns, event)
  columns.producer = number?.producer ?? ''
  columns.sequence = number?.sequence ?? 0
  return Buffer.from(encodeEventBatch(columns))
}

/** Request `index` reported by a pod. */
export function requestOf(pod: string, index = 0): RequestEvent {
  return {
    kind: 'request',
    timeMs: 1_795_600_000_000 + index,
    direction: 'inbound',
    source: { namespace: 'emojivoto', kind: 'deployment', name: 'vote-bot' },
    destination: { namespace: 'emojivoto', kind: 'deployment', name: 'web', pod },
    method: 'GET',
    authority: 'web-svc.emojivoto:80',
    path: `/api/vote/${index % 10}`,
    status: index % 7 === 0 ? 500 : 200,
    latencyMicros: 1000 + index,
  }
}

/** The same in the JSON of `POST /v1/events`. */
export function jsonOf({ kind: _kind, timeMs, ...event }: RequestEvent): Record<string, unknown> {
  return { time: new Date(timeMs).toISOString(), ...event }
}
