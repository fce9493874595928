import { pageBytes } from './lmdb-database.ts'
import type { LogFile } from './log-file.ts'
import type { ChunkKey, PartitionRef } from './log-keys.ts'
import type { LogPartition } from './log-partition.ts'

/** Most chunks that one transaction deletes. */
const STEP = 512
/** How many of a partition's oldest chunks are looked up at once. */
const LOOK_AHEAD = 64

export interface RetentionLimits {
  readonly maxBytes: number
  readonly maxAgeMs: number
}

export interface Removal {
  readonly ref: PartitionRef
  readonly key: ChunkKey
}

interface Oldest {
  readonly partition: LogPartition
  /** Ascending; empty where not looked up. */
  chunks: ChunkKey[]
  /** The offset at which looking up goes on. */
  from: number
}

/** Chooses what to delete: the oldest chunks of all partitions, while the log is too large or they are too old. */
export class Retention {
  readonly #file: LogFile
  readonly #limits: RetentionLimits
  readonly #partitions = new Map<LogPartition, Oldest>()

  constructor(file: LogFile, limits: RetentionLimits) {
    this.#file = file
    this.#limits = limits
  }

  add(partition: LogPartition): void {
    this.#partitions.set(partition, { partition, chunks: [], from: 0 })
  }

  /**
   * What the next transaction should delete, at most a step of it, given what the file holds and what the transaction
   * adds. What is answered counts as deleted, unless `forget` is called.
   */
  step(at: { readonly usedBytes: number; readonly addedBytes: number; readonly nowMs: number }): Removal[] {
    const removals: Removal[] = []
    let excess = at.usedBytes + at.addedBytes - this.#limits.maxBytes
    const keptSinceMs = at.nowMs - this.#limits.maxAgeMs
    while (removals.length < STEP) {
      const oldest = this.#oldest()
      const key = oldest?.chunks[0]
      if (oldest === undefined || key === undefined) break
      if (excess <= 0 && key.timestampMs >= keptSinceMs) break
      oldest.chunks.shift()
      removals.push({ ref: oldest.partition.ref, key })
      excess -= pageBytes(key.bytes)
    }
    return removals
  }

  /** Looks everything up anew: the transaction failed. */
  forget(): void {
    for (const oldest of this.#partitions.values()) {
      oldest.chunks = []
      oldest.from = 0
    }
  }

  #oldest(): Oldest | undefined {
    let found: Oldest | undefined
    for (const oldest of this.#partitions.values()) {
      this.#lookAhead(oldest)
      const timestampMs = oldest.chunks[0]?.timestampMs
      if (timestampMs === undefined) continue
      if (found === undefined || timestampMs < found.chunks[0]!.timestampMs) found = oldest
    }
    return found
  }

  #lookAhead(oldest: Oldest): void {
    const { partition, chunks, from } = oldest
    if (chunks.length > 0 || from >= partition.endOffset) return
    oldest.chunks = this.#file.chunkKeys(partition.ref, from, LOOK_AHEAD)
    const last = oldest.chunks.at(-1)
    oldest.from = last === undefined ? partition.endOffset : last.offset + last.count
  }
}
