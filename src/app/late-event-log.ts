import {
  type EventLog,
  LogError,
  type LogRecord,
  type PartitionHandler,
  type PartitionId,
  type RecordBatch,
  type Subscription,
} from '../log/event-log.ts'
import { type Opening, persist } from './opening.ts'

/** A log that may not be there yet: until it is, it is unavailable, and who subscribes waits. */
export class LateEventLog implements EventLog {
  readonly #opening: Opening<EventLog>

  readonly #onTrouble: (message: string) => void

  /** `onTrouble` is told why a subscription waits. */
  constructor(opening: Opening<EventLog>, onTrouble: (message: string) => void) {
    this.#opening = opening
    this.#onTrouble = onTrouble
  }

  async append(topic: string, records: readonly LogRecord[]): Promise<void> {
    await this.#log().append(topic, records)
  }

  async subscribe(topic: string, handler: PartitionHandler): Promise<Subscription> {
    const { opened, signal } = this.#opening
    const log = await opened
    const subscription =
      log && (await persist(() => log.subscribe(topic, handler), { signal, onTrouble: this.#onTrouble }))
    if (subscription === undefined) throw new LogError('LOG_CLOSED', 'the log was closed meanwhile')
    return subscription
  }

  /** Makes a subscription that still waits fail. */
  giveUp(): void {
    this.#opening.giveUp()
  }

  async partitions(topic: string): Promise<readonly PartitionId[]> {
    return this.#log().partitions(topic)
  }

  readSince(partition: PartitionId, sinceMs: number): AsyncIterable<RecordBatch> {
    return this.#log().readSince(partition, sinceMs)
  }

  close(): Promise<void> {
    return this.#opening.close()
  }

  #log(): EventLog {
    const { current, reason } = this.#opening
    if (current === undefined) throw new LogError('LOG_UNAVAILABLE', reason)
    return current
  }
}
