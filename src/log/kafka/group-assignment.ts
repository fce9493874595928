import { type PartitionId, partitionId } from '../event-log.ts'

/** What a member of the group says of itself when it joins. */
export interface MemberClaim {
  readonly member: string
  /** Of the last assignment it had; -1 where it had none. */
  readonly generation: number
  readonly owned: readonly PartitionId[]
  /** Partitions by topic, as the member sees them. */
  readonly topics: Readonly<Record<string, number>>
}

/**
 * Shares the partitions out evenly: numbers differ by one at most where all members see the same topics, and as few as
 * possible move. What moves is given to nobody yet while its owner still has it: the owner sees that it lost it, gives
 * it back and joins again, and then it has no owner (KIP-429, cooperative rebalancing).
 */
export function assignPartitions(claims: readonly MemberClaim[]): Map<string, PartitionId[]> {
  const members = [...claims].sort((a, b) => (a.member < b.member ? -1 : 1))
  const partitions = allPartitions(members)
  const owners = ownersOf(members, partitions)
  const target = new Map<string, PartitionId[]>(members.map(({ member }) => [member, []]))

  const kept = new Set<PartitionId>()
  const perMember = Math.floor(partitions.size / Math.max(1, members.length))
  let larger = partitions.size % Math.max(1, members.length)
  const ownedBy = (member: string) => [...partitions.keys()].filter((id) => owners.get(id) === member)
  // Those that have most keep one more, where the shares are not equal.
  const byOwned = members.map(({ member }) => ({ member, owned: ownedBy(member) }))
  for (const { member, owned } of byOwned.sort((a, b) => b.owned.length - a.owned.length)) {
    const share = perMember + (owned.length > perMember && larger > 0 ? 1 : 0)
    if (share > perMember) larger--
    for (const id of owned.slice(0, share)) {
      target.get(member)!.push(id)
      kept.add(id)
    }
  }
  for (const [id, topic] of partitions) {
    if (kept.has(id)) continue
    const least = members
      .filter(({ topics }) => topics[topic] !== undefined)
      .reduce((a, b) => (target.get(b.member)!.length < target.get(a.member)!.length ? b : a))
    target.get(least.member)!.push(id)
  }
  return new Map(
    [...target].map(([member, ids]) => [member, ids.filter((id) => (owners.get(id) ?? member) === member)]),
  )
}

/** Each with its topic, in order. */
function allPartitions(members: readonly MemberClaim[]): Map<PartitionId, string> {
  const counts = new Map<string, number>()
  for (const { topics } of members) {
    for (const [topic, count] of Object.entries(topics)) {
      counts.set(topic, Math.max(count, counts.get(topic) ?? 0))
    }
  }
  const partitions = new Map<PartitionId, string>()
  for (const topic of [...counts.keys()].sort()) {
    for (let i = 0; i < counts.get(topic)!; i++) partitions.set(partitionId(topic, i), topic)
  }
  return partitions
}

/** Of two members that claim a partition, the one with the newer assignment has it. */
function ownersOf(
  members: readonly MemberClaim[],
  partitions: ReadonlyMap<PartitionId, string>,
): Map<PartitionId, string> {
  const owners = new Map<PartitionId, string>()
  for (const { member, owned } of [...members].sort((a, b) => a.generation - b.generation)) {
    for (const id of owned) if (partitions.has(id)) owners.set(id, member)
  }
  return owners
}
