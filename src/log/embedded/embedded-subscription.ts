import type { PartitionId, Subscription } from '../event-log.ts'
import { isReadWith } from '../mirrored-topic.ts'
import type { LogPartition } from './log-partition.ts'
import type { PartitionLoop } from './partition-loop.ts'

export interface EmbeddedSubscriptionOptions {
  readonly topic: string
  /** Begins to read a partition. */
  readonly open: (partition: LogPartition) => PartitionLoop
  readonly onClose: (subscription: EmbeddedSubscription) => void
}

/** All partitions of a topic and its mirrors, each read by a loop of its own. */
export class EmbeddedSubscription implements Subscription {
  readonly #loops = new Map<PartitionId, PartitionLoop>()
  readonly #options: EmbeddedSubscriptionOptions
  #closing: Promise<void> | undefined

  constructor(options: EmbeddedSubscriptionOptions) {
    this.#options = options
  }

  /** Reads a topic from now on, if it is one that is wanted. */
  found(topic: string, partitions: readonly LogPartition[]): void {
    if (this.#closing !== undefined || !isReadWith(this.#options.topic, topic)) return
    for (const partition of partitions) this.#loops.set(partition.id, this.#options.open(partition))
  }

  seek(partition: PartitionId, offset: number): void {
    const loop = this.#loops.get(partition)
    if (loop === undefined) throw new RangeError(`this subscription does not read ${partition}`)
    loop.seek(offset)
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    await Promise.all([...this.#loops.values()].map((loop) => loop.close()))
    this.#options.onClose(this)
  }
}
