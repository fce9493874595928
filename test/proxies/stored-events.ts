import { type BareFormat, RecordDecoder } from '../../src/aggregator/record-decoder.ts'
import type { MeshEvent } from '../../src/event/event.ts'
import { eventsOf } from '../../src/event/event-objects.ts'
import { EmbeddedEventLog } from '../../src/log/embedded/embedded-event-log.ts'
import type { EventLog } from '../../src/log/event-log.ts'

/** All events in the log that a `meshtap serve` left in its data directory. */
export async function storedEvents(data: string): Promise<MeshEvent[]> {
  const log = await EmbeddedEventLog.open({
    path: `${data}/log`,
    partitions: 4,
    maxBytes: 2 ** 30,
    maxAgeMs: 86_400_000,
  })
  try {
    return await eventsIn(log, 'mesh.requests')
  } finally {
    await log.close()
  }
}

/** All events of a topic. A malformed record is an error. */
export async function eventsIn(log: EventLog, topic: string, bareFormat?: BareFormat): Promise<MeshEvent[]> {
  const decoder = new RecordDecoder({
    defaultCluster: '',
    ...(bareFormat === undefined ? {} : { bareFormat }),
  })
  const events: MeshEvent[] = []
  for (const partition of await log.partitions(topic)) {
    for await (const { records } of log.readSince(partition, 0)) {
      for (const record of records) {
        const result = decoder.decode(record)
        if (result.kind === 'malformed') throw new Error(JSON.stringify(result.fault))
        events.push(...eventsOf(decoder.columns))
      }
    }
  }
  return events
}
