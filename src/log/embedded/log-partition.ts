import { type PartitionId, partitionId } from '../event-log.ts'
import type { PartitionRef } from './log-keys.ts'

/** What the process knows of a partition: all of it was committed. */
export class LogPartition {
  readonly id: PartitionId
  readonly ref: PartitionRef
  /** Of the next record. */
  endOffset: number
  /** Of the newest record: times of a partition never go back. */
  timestampMs: number
  readonly #listeners = new Set<() => void>()

  constructor(id: PartitionId, ref: PartitionRef, end: PartitionEnd) {
    this.id = id
    this.ref = ref
    this.endOffset = end.endOffset
    this.timestampMs = end.timestampMs
  }

  /** Calls `listener` after every append, until the answer is called. */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  appended(): void {
    for (const listener of this.#listeners) listener()
  }
}

export interface PartitionEnd {
  readonly endOffset: number
  readonly timestampMs: number
}

export interface TopicRecord {
  readonly name: string
  readonly number: number
  readonly partitions: number
}

export class LogTopic {
  readonly record: TopicRecord
  readonly partitions: readonly LogPartition[]
  /** Whether the file has it. */
  isStored: boolean
  #turn = 0

  constructor(record: TopicRecord, isStored: boolean, endOf: (ref: PartitionRef) => PartitionEnd) {
    this.record = record
    this.isStored = isStored
    this.partitions = Array.from({ length: record.partitions }, (_, partition) => {
      const ref = { topic: record.number, partition }
      return new LogPartition(partitionId(record.name, partition), ref, endOf(ref))
    })
  }

  /** The partitions in turn, for records without a key. */
  next(): LogPartition {
    const partition = this.partitions[this.#turn]!
    this.#turn = (this.#turn + 1) % this.partitions.length
    return partition
  }
}
