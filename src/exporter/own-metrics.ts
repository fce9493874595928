import type { PartitionId } from '../log/event-log.ts'
import type { PartitionMeta } from '../store/rollup-store.ts'
import type { Family } from './families.ts'

/** A family that is small, and its samples. */
export interface SmallFamily extends Family {
  readonly type: 'counter' | 'gauge'
  readonly samples: readonly { readonly labels: Readonly<Record<string, string>>; readonly value: number }[]
}

export interface PartitionState {
  readonly partition: PartitionId
  readonly meta: PartitionMeta
}

/** Which meshtap this is, and how far the partitions are. */
export function partitionFamilies(partitions: readonly PartitionState[], version: string): SmallFamily[] {
  const samples = (value: (meta: PartitionMeta) => number) =>
    partitions.map(({ partition, meta }) => ({ labels: { partition }, value: value(meta) }))
  return [
    {
      name: 'meshtap_build_info',
      type: 'gauge',
      help: 'Which meshtap this is.',
      samples: [{ labels: { version }, value: 1 }],
    },
    {
      name: 'meshtap_partition_offset',
      type: 'gauge',
      help: 'Offset of the next record of the partition to be folded.',
      samples: samples(({ offset }) => offset),
    },
    {
      name: 'meshtap_partition_watermark_timestamp_seconds',
      type: 'gauge',
      help: 'Up to which time the events of the partition are folded.',
      samples: samples(({ watermarkMs }) => watermarkMs / 1000),
    },
  ]
}
