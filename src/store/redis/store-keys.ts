import type { PartitionId } from '../../log/event-log.ts'
import type { BlobAddress } from '../rollup-store.ts'

/** A set of all partitions' names. */
export const PARTITIONS_KEY = 'mt:partitions'

/** What a partition knows of itself. Its name in braces puts all of a partition's keys into one slot of a Cluster. */
export function metaKey(partition: PartitionId): string {
  return `mt:{${partition}}:meta`
}

/** The hash of a bucket's blobs, or of the totals'. */
export function blobsKey(partition: PartitionId, address: BlobAddress): string {
  if (address.kind === 'total') return `mt:{${partition}}:total`
  return `mt:{${partition}}:${address.kind}:${address.tier}:${address.startMs}`
}
