import fc from 'fast-check'
import t from 'tap'
import type { PartitionId } from '../../../src/log/event-log.ts'
import { assignPartitions, type MemberClaim } from '../../../src/log/kafka/group-assignment.ts'

const TOPICS = { 'mesh.requests': 8, 'east.mesh.requests': 3 }

function claim(member: string, owned: readonly PartitionId[] = [], generation = 1): MemberClaim {
  return { member, generation, owned, topics: TOPICS }
}

/** Lets the members join again, with what they were given, until nothing moves. */
function settle(claims: readonly MemberClaim[]): { claims: readonly MemberClaim[]; rounds: number } {
  let now = claims
  for (let rounds = 1; ; rounds++) {
    const given = assignPartitions(now)
    const next = now.map((one) => ({ ...one, owned: given.get(one.member)!, generation: one.generation + 1 }))
    if (next.every(({ owned }, i) => owned.length === now[i]!.owned.length)) return { claims: next, rounds }
    now = next
  }
}

function sizes(claims: readonly MemberClaim[]): number[] {
  return claims.map(({ owned }) => owned.length)
}

t.test('partitions are shared evenly, each to one', async (t) => {
  const { claims } = settle(['a', 'b', 'c'].map((member) => claim(member)))
  t.same(
    sizes(claims).sort((a, b) => a - b),
    [3, 4, 4],
  )
  t.equal(new Set(claims.flatMap(({ owned }) => owned)).size, 11)
})

t.test('who comes gets only what others gave back first', async (t) => {
  const { claims } = settle([claim('a'), claim('b')])
  const [a, b] = claims as [MemberClaim, MemberClaim]
  const given = assignPartitions([a, b, claim('c', [], -1)])
  t.same(given.get('c'), [], 'nothing yet')
  for (const one of [a, b]) {
    t.ok(given.get(one.member)!.every((id) => one.owned.includes(id)))
    t.ok(given.get(one.member)!.length >= 3)
  }
  const { claims: three } = settle([a, b, claim('c', [], -1)])
  t.same(
    sizes(three).sort((a, b) => a - b),
    [3, 4, 4],
  )
  for (const before of [a, b]) {
    const after = three.find(({ member }) => member === before.member)!
    t.ok(
      after.owned.every((id) => before.owned.includes(id)),
      'what stays does not move',
    )
  }
})

t.test('what a member leaves goes to the others, who keep theirs', async (t) => {
  const { claims } = settle(['a', 'b', 'c'].map((member) => claim(member)))
  const left = claims.slice(1)
  const given = assignPartitions(left)
  for (const { member, owned } of left) t.ok(owned.every((id) => given.get(member)!.includes(id)))
  t.equal([...given.values()].flat().length, 11)
})

t.test('of two that claim a partition the newer claim counts', async (t) => {
  const given = assignPartitions([
    { member: 'a', generation: 3, owned: ['one-0'], topics: { one: 1 } },
    { member: 'b', generation: 7, owned: ['one-0'], topics: { one: 1 } },
  ])
  t.same(given.get('a'), [])
  t.same(given.get('b'), ['one-0'])
})

t.test('a topic that only some see goes to those, and partitions that are gone to nobody', async (t) => {
  const given = assignPartitions([
    { member: 'a', generation: 1, owned: ['one-0', 'gone-0'], topics: { one: 1 } },
    { member: 'b', generation: 1, owned: [], topics: { one: 1, new: 2 } },
  ])
  t.same(given.get('a'), ['one-0'])
  t.same(given.get('b'), ['new-0', 'new-1'])
})

t.test('whatever the members claim, the shares are even and disjoint in the end', async (t) => {
  const ids: PartitionId[] = Array.from({ length: 8 }, (_, i): PartitionId => `mesh.requests-${i}`)
  const member = fc.record({
    owned: fc.subarray(ids),
    generation: fc.integer({ min: -1, max: 5 }),
  })
  fc.assert(
    fc.property(fc.array(member, { minLength: 1, maxLength: 15 }), (claims) => {
      const members = claims.map(({ owned, generation }, i) => claim(`m${i}`, owned, generation))
      const owners = assignPartitions(members)
      const all = [...owners.values()].flat()
      t.equal(new Set(all).size, all.length, 'never two owners')
      const { claims: settled, rounds } = settle(members)
      t.ok(rounds <= 4, `${rounds} rounds`)
      t.ok(Math.max(...sizes(settled)) - Math.min(...sizes(settled)) <= 1)
      t.equal(new Set(settled.flatMap(({ owned }) => owned)).size, 11)
    }),
    { seed: 4, numRuns: 300 },
  )
})
