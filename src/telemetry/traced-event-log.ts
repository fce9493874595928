import type {
  EventLog,
  LogRecord,
  PartitionHandler,
  PartitionId,
  RecordBatch,
  Subscription,
} from '../log/event-log.ts'
import { contextsOf, type FoldTraces } from './fold-traces.ts'
import { TRACEPARENT } from './traceparent.ts'
import { inSpan, type Tracer } from './tracer.ts'

/**
 * A log that carries traces: an append is a span, whose context goes with its records where it is sampled; a batch that
 * has such records is folded in a span of the first one's trace, linked to all of them. Other batches have no span, so an
 * idle partition makes none, and neither does what was told not to be traced.
 */
export class TracedEventLog implements EventLog {
  readonly #log: EventLog
  readonly #tracer: Tracer
  readonly #folds: FoldTraces

  constructor(log: EventLog, tracer: Tracer, folds: FoldTraces) {
    this.#log = log
    this.#tracer = tracer
    this.#folds = folds
  }

  append(topic: string, records: readonly LogRecord[]): Promise<void> {
    const attributes = {
      'messaging.operation.name': 'append',
      'messaging.destination.name': topic,
      'messaging.batch.message_count': records.length,
    }
    return inSpan(this.#tracer, `append ${topic}`, { kind: 'producer', attributes }, ({ traceparent }) =>
      this.#log.append(topic, traceparent === undefined ? records : carrying(records, traceparent)),
    )
  }

  subscribe(topic: string, handler: PartitionHandler): Promise<Subscription> {
    return this.#log.subscribe(topic, {
      assigned: (partition) => handler.assigned(partition),
      records: (batch) => this.#folded(handler, batch),
      revoked: async (partition) => {
        await handler.revoked(partition)
        this.#folds.take(partition)
      },
    })
  }

  partitions(topic: string): Promise<readonly PartitionId[]> {
    return this.#log.partitions(topic)
  }

  readSince(partition: PartitionId, sinceMs: number): AsyncIterable<RecordBatch> {
    return this.#log.readSince(partition, sinceMs)
  }

  close(): Promise<void> {
    return this.#log.close()
  }

  #folded(handler: PartitionHandler, batch: RecordBatch): Promise<number> {
    const { partition, records } = batch
    const links = contextsOf(records)
    if (links.length === 0) return handler.records(batch)
    const attributes = {
      'messaging.operation.name': 'fold',
      'messaging.destination.partition.id': partition,
      'messaging.batch.message_count': records.length,
      'meshtap.offset': records[0]!.offset,
    }
    const options = { kind: 'consumer', parent: links[0], links, attributes } as const
    return inSpan(this.#tracer, `fold ${partition}`, options, ({ traceparent }) => {
      if (traceparent !== undefined) this.#folds.add(partition, traceparent)
      return handler.records(batch)
    })
  }
}

function carrying(records: readonly LogRecord[], traceparent: string): readonly LogRecord[] {
  return records.map((record) => ({ ...record, headers: { ...record.headers, [TRACEPARENT]: traceparent } }))
}
