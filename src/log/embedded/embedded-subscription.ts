import type { PartitionId, Subscription } from '../event-log.ts'
import type { PartitionLoop } from './partition-loop.ts'

/** All partitions of a topic, each read by a loop of its own. */
export class EmbeddedSubscription implements Subscription {
  readonly #loops: ReadonlyMap<PartitionId, PartitionLoop>
  readonly #onClose: (subscription: EmbeddedSubscription) => void
  #closing: Promise<void> | undefined

  constructor(loops: readonly PartitionLoop[], onClose: (subscription: EmbeddedSubscription) => void) {
    this.#loops = new Map(loops.map((loop) => [loop.partition.id, loop]))
    this.#onClose = onClose
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
    this.#onClose(this)
  }
}
