import type { RedisClient } from '../../redis/connect.ts'
import type { PartitionId } from '../../log/event-log.ts'
import { metaKey, PARTITIONS_KEY } from './store-keys.ts'

/** How often a writer makes sure that its partitions are listed. */
const KEEP_MS = 5000

/** How often a writer looks for partitions that are gone. */
const SWEEP_MS = 3_600_000

/** EXISTS under way at once. */
const SWEEP_STEP = 64

/**
 * The set of all partitions. It is in another slot of a Cluster than they are, so it is not changed together with
 * them: a claim is not done before its partition is listed, it is listed again every few seconds while it is committed to (the set
 * may be lost alone), and taken from the list within an hour or so after its keys have expired.
 */
export class PartitionList {
  readonly #client: RedisClient
  readonly #nowMs: () => number
  readonly #kept = new Set<PartitionId>()
  #keptMs = Number.NEGATIVE_INFINITY
  #sweptMs: number

  constructor(client: RedisClient, nowMs: () => number = () => performance.now()) {
    this.#client = client
    this.#nowMs = nowMs
    this.#sweptMs = nowMs()
  }

  async list(): Promise<readonly PartitionId[]> {
    return (await this.#client.smembers(PARTITIONS_KEY)) as PartitionId[]
  }

  async add(partition: PartitionId): Promise<void> {
    await this.#client.sadd(PARTITIONS_KEY, partition)
  }

  /** Keeps a partition that was committed to on the list. Waits for nothing: what fails now is done next time. */
  keep(partition: PartitionId): void {
    this.#kept.add(partition)
    const now = this.#nowMs()
    if (now - this.#keptMs < KEEP_MS) return
    this.#keptMs = now
    if (now - this.#sweptMs >= SWEEP_MS) {
      this.#sweptMs = now
      this.sweep().catch(() => undefined)
    }
    const partitions = [...this.#kept]
    this.#kept.clear()
    this.#client.sadd(PARTITIONS_KEY, ...partitions).catch(() => {
      this.#keptMs = Number.NEGATIVE_INFINITY
    })
  }

  /** Takes partitions from the list whose meta has expired. */
  async sweep(): Promise<void> {
    const partitions = await this.list()
    for (let i = 0; i < partitions.length; i += SWEEP_STEP) {
      const step = partitions.slice(i, i + SWEEP_STEP)
      const found = await Promise.all(step.map((partition) => this.#client.exists(metaKey(partition))))
      const gone = step.filter((_, at) => found[at] === 0)
      if (gone.length > 0) await this.#client.srem(PARTITIONS_KEY, ...gone)
    }
  }
}
