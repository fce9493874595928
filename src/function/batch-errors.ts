import type { PartitionId } from '../log/event-log.ts'

/** Records that a batch begins behind, and that were never folded: offsets from `expected` up to, not including, `given`. */
export interface OffsetGap {
  readonly partition: PartitionId
  readonly expected: number
  readonly given: number
}

/** A batch begins after the offset that is stored: the records between would be lost. Nothing of it was folded. */
export class BatchGapError extends Error implements OffsetGap {
  readonly code = 'BATCH_GAP'
  readonly partition: PartitionId
  readonly expected: number
  readonly given: number

  constructor({ partition, expected, given }: OffsetGap) {
    super(
      `a batch of ${partition} begins at offset ${given}, but folding goes on from ${expected}. ` +
        `Give the records from there, or say by the option isDeleted that the log has them no more`,
    )
    this.name = 'BatchGapError'
    this.partition = partition
    this.expected = expected
    this.given = given
  }
}

/** Another process took the partition while the batch was folded. Give it again: what was committed is skipped. */
export class BatchConflictError extends Error {
  readonly code = 'BATCH_CONFLICT'
  readonly partition: PartitionId

  constructor(partition: PartitionId, why: string) {
    super(`a batch of ${partition} was not committed: ${why}. Give it again`)
    this.name = 'BatchConflictError'
    this.partition = partition
  }
}
