import {
  type EventLog,
  LogError,
  type LogRecord,
  type PartitionHandler,
  type PartitionId,
  type RecordBatch,
  type Subscription,
} from '../log/event-log.ts'

export interface AppendMeasure {
  /** Told of every append, also of one that failed. */
  readonly onAppend: (seconds: number) => void
}

/** A log whose appends are timed and whose failures are counted. */
export class MeasuredEventLog implements EventLog {
  readonly #log: EventLog
  readonly #measure: AppendMeasure
  readonly #errors: Record<string, number> = {}

  constructor(log: EventLog, measure: AppendMeasure) {
    this.#log = log
    this.#measure = measure
  }

  /** Appends that failed, by code. */
  get appendErrors(): Readonly<Record<string, number>> {
    return this.#errors
  }

  async append(topic: string, records: readonly LogRecord[]): Promise<void> {
    const startMs = performance.now()
    try {
      await this.#log.append(topic, records)
    } catch (error) {
      const code = error instanceof LogError ? error.code : 'OTHER'
      this.#errors[code] = (this.#errors[code] ?? 0) + 1
      throw error
    } finally {
      this.#measure.onAppend((performance.now() - startMs) / 1000)
    }
  }

  subscribe(topic: string, handler: PartitionHandler): Promise<Subscription> {
    return this.#log.subscribe(topic, handler)
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
}
