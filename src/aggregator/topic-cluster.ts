import type { PartitionId } from '../log/event-log.ts'

/**
 * The cluster whose events a partition holds, by MirrorMaker's naming: `east` for partitions of `east.mesh.requests`,
 * where the topic is `mesh.requests`; undefined for the topic's own.
 */
export function topicCluster(partition: PartitionId, topic: string): string | undefined {
  const name = partition.slice(0, partition.lastIndexOf('-'))
  return name.length > topic.length + 1 && name.endsWith(`.${topic}`)
    ? name.slice(0, -topic.length - 1)
    : undefined
}
