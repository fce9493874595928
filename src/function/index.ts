/**
 * meshtap as a function, `meshtap/function`: folds what it is handed, and needs no server and no client of the log. It
 * imports nothing that is not needed for that, since a function starts often.
 */
export { deadLetterRecord } from '../aggregator/dead-letters.ts'
export type { DeadLetter } from '../aggregator/partition-processor.ts'
export type { LogRecord, PartitionId, StoredRecord } from '../log/event-log.ts'
export type { RollupStore } from '../store/rollup-store.ts'
export { BatchConflictError, BatchGapError, type OffsetGap } from './batch-errors.ts'
export { batchesOf, type KafkaEvent, type KafkaEventRecord, processKafkaEvent } from './kafka-event.ts'
export {
  type BatchReport,
  type PartitionBatch,
  PartitionFunction,
  type PartitionFunctionOptions,
} from './partition-function.ts'
