import type { PartitionHandler, PartitionId, RecordBatch } from '../../../src/log/event-log.ts'

interface Claimed {
  epoch: number
  offset: number
  readonly values: string[]
}

/** Offsets and values of partitions, which only who claimed last may change: what the store of rollups does. */
export class FencedStore {
  readonly partitions = new Map<PartitionId, Claimed>()
  refused = 0

  claim(id: PartitionId): Claimed {
    const claimed = this.partitions.get(id) ?? { epoch: 0, offset: 0, values: [] }
    claimed.epoch++
    this.partitions.set(id, claimed)
    return claimed
  }

  /** Everything that was committed. */
  get values(): string[] {
    return [...this.partitions.values()].flatMap(({ values }) => values)
  }
}

/** Commits each batch at once, as a worker would that is fenced. */
export class FencedWorker implements PartitionHandler {
  readonly name: string
  readonly owned = new Map<PartitionId, number>()
  readonly #store: FencedStore
  readonly #calls: string[]

  /** The calls of all workers go to one list, in their order. */
  constructor(name: string, store: FencedStore, calls: string[]) {
    this.name = name
    this.#store = store
    this.#calls = calls
  }

  async assigned(id: PartitionId): Promise<number> {
    this.#calls.push(`${this.name} assigned ${id}`)
    const { epoch, offset } = this.#store.claim(id)
    this.owned.set(id, epoch)
    return offset
  }

  async records({ partition, records }: RecordBatch): Promise<number> {
    const claimed = this.#store.partitions.get(partition)!
    const next = records.at(-1)!.offset + 1
    if (claimed.epoch !== this.owned.get(partition)) {
      this.#store.refused++
      return next
    }
    for (const { offset, value } of records) {
      if (offset >= claimed.offset) claimed.values.push(Buffer.from(value).toString())
    }
    claimed.offset = next
    return next
  }

  async revoked(id: PartitionId): Promise<void> {
    this.#calls.push(`${this.name} revoked ${id}`)
    this.owned.delete(id)
  }
}
