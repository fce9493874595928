import type { PartitionId } from '../log/event-log.ts'
import { mirroredCluster } from '../log/mirrored-topic.ts'

/** The cluster whose events a partition holds: `east` for those of `east.mesh.requests`; undefined for the topic's own. */
export function topicCluster(partition: PartitionId, topic: string): string | undefined {
  return mirroredCluster(topic, topicOf(partition))
}

export function topicOf(partition: PartitionId): string {
  return partition.slice(0, partition.lastIndexOf('-'))
}
