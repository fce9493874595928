import { type Brokers, REQUEST_MS } from './brokers.ts'

/** Times that ask for something else than a time. */
export const LATEST = -1
export const EARLIEST = -2

/**
 * The offset of a partition's first record at or after a time, of its first one or of its end; -1 where there is none
 * at or after that time. What is of open transactions does not count. Asks the leader that is known.
 */
export async function listOffset(
  brokers: Brokers,
  purpose: string,
  { topic, partition }: { readonly topic: string; readonly partition: number },
  timestamp: number,
): Promise<number> {
  const leader = brokers.leader(topic, partition)
  if (leader === undefined) throw new Error(`${topic}-${partition} has no leader`)
  const request = { topics: [{ topic, partitions: [{ partition, timestamp }] }] }
  const { responses } = await brokers.node(leader, purpose).request<{
    readonly responses: readonly { readonly partitions: readonly { readonly offset: string }[] }[]
  }>('ListOffsets', request, REQUEST_MS)
  return Number(responses[0]!.partitions[0]!.offset)
}
