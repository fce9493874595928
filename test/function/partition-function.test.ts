import fc from 'fast-check'
import t, { type Test } from 'tap'
import type { DeadLetter } from '../../src/aggregator/partition-processor.ts'
import {
  BatchConflictError,
  BatchGapError,
  PartitionFunction,
  type PartitionFunctionOptions,
} from '../../src/function/index.ts'
import type { StoredRecord } from '../../src/log/event-log.ts'
import { EmbeddedRollupStore } from '../../src/store/embedded/embedded-rollup-store.ts'
import { type RollupStore, StoreError } from '../../src/store/rollup-store.ts'
import { FROM, NOW, readEverything, recordOf, requestAt } from '../aggregator/partition-rig.ts'
import { MemoryRollupStore } from '../memory-rollup-store.ts'
import { trafficEvents } from '../rollup/traffic.ts'

const PARTITION = 'mesh.requests-0'

function rig(options: Partial<PartitionFunctionOptions> = {}) {
  const clock = { nowMs: NOW }
  const letters: DeadLetter[] = []
  const store = options.store ?? new MemoryRollupStore(() => clock.nowMs)
  const start = (more: Partial<PartitionFunctionOptions> = {}) =>
    new PartitionFunction({
      store,
      cluster: 'east',
      now: () => clock.nowMs,
      setAside: async (_, set) => void letters.push(...set),
      ...options,
      ...more,
    })
  return { clock, letters, store, start }
}

const log = Array.from({ length: 20 }, (_, i) => recordOf([requestAt(NOW)], i))
const part = (from: number, to: number) => ({ partition: PARTITION, records: log.slice(from, to) }) as const

t.test('a batch is folded once, however often it comes and wherever it begins', async (t) => {
  const { start } = rig()
  const warm = start()
  const nothing = { folded: 0, skipped: 0, deadLetters: 0, missing: 0 }
  const first = { ...nothing, partition: PARTITION, outcome: 'committed', offset: 5, folded: 5, epoch: 1 }
  t.same(await warm.process(part(0, 5)), first)
  t.match(await warm.process(part(5, 8)), { offset: 8, folded: 3, epoch: 1 }, 'the claim is held')
  t.match(await warm.process(part(6, 10)), { offset: 10, folded: 2, skipped: 2, epoch: 1 })
  t.match(await warm.process(part(6, 10)), {
    outcome: 'repeated',
    offset: 10,
    folded: 0,
    skipped: 4,
    epoch: 2,
  })
  const cold = start()
  t.match(await cold.process(part(0, 10)), { outcome: 'repeated', offset: 10, epoch: 3 })
  t.match(await cold.process(part(0, 12)), {
    outcome: 'committed',
    offset: 12,
    folded: 2,
    skipped: 10,
    epoch: 3,
  })
  t.match(await warm.process(part(12, 14)), { offset: 14, folded: 2, epoch: 4 }, 'which the other took')
  t.match(await warm.process(part(14, 14)), { outcome: 'committed', offset: 14, folded: 0 })
})

t.test('a batch that begins after the stored offset is refused, and nothing of it is folded', async (t) => {
  const { start } = rig()
  const warm = start()
  await t.rejects(warm.process(part(3, 5)), {
    code: 'BATCH_GAP',
    partition: PARTITION,
    expected: 0,
    given: 3,
    message: /^a batch of mesh\.requests-0 begins at offset 3, but folding goes on from 0\. /,
  })
  await warm.process(part(0, 2))
  await t.rejects(warm.process(part(4, 5)), { code: 'BATCH_GAP', expected: 2, given: 4 })
  t.match(await warm.process(part(2, 5)), { offset: 5, folded: 3, missing: 0 })

  const asked: unknown[] = []
  const told = start({ isDeleted: async (gap) => asked.push(gap) > 0 && gap.expected === 5 })
  t.match(await told.process(part(7, 9)), { offset: 9, folded: 2, missing: 2 })
  t.same(asked, [{ partition: PARTITION, expected: 5, given: 7 }])
  await t.rejects(told.process(part(11, 12)), BatchGapError)
})

t.test('a hole within a batch is one of the log: compaction, or the end of a transaction', async (t) => {
  const { start } = rig()
  const records = [log[0]!, log[1]!, log[4]!]
  t.match(await start().process({ partition: PARTITION, records }), { offset: 5, folded: 3, missing: 2 })
})

t.test('records out of order are a mistake', async (t) => {
  const { start } = rig()
  for (const records of [
    [log[1]!, log[0]!],
    [log[1]!, log[1]!],
  ]) {
    await t.rejects(start().process({ partition: PARTITION, records }), RangeError)
  }
})

t.test('dead letters are set aside before the commit, and again when that fails', async (t) => {
  const { start, letters, store } = rig()
  const warm = start()
  const records = [log[0]!, { ...log[1]!, value: Uint8Array.of(1, 2) }, log[2]!]
  const commit = store.commit.bind(store)
  store.commit = () => Promise.reject(new StoreError('STORE_UNAVAILABLE', 'away'))
  await t.rejects(warm.process({ partition: PARTITION, records }), { code: 'STORE_UNAVAILABLE' })
  t.equal(letters.length, 1)
  store.commit = commit
  t.match(await warm.process({ partition: PARTITION, records }), { folded: 3, deadLetters: 1, offset: 3 })
  t.same(
    letters.map(({ record }) => record.offset),
    [1, 1],
  )
})

t.test('what is held is bounded, and holding nothing is as good', async (t) => {
  const { start } = rig()
  const warm = start({ maxHeld: 3 })
  const cold = start({ maxHeld: 0 })
  for (let i = 0; i < 10; i++) {
    await warm.process({ ...part(0, 2), partition: `mesh.requests-${i}` })
    t.match(await cold.process({ ...part(2, 4), partition: `mesh.requests-${i}` }), { epoch: 2, folded: 2 })
  }
  t.equal(warm.held, 3)
  t.equal(cold.held, 0)
})

t.test('a store that lost commits is not told that a batch was repeated', async (t) => {
  const store = new MemoryRollupStore(() => NOW)
  const { start } = rig({ store })
  const warm = start()
  await warm.process(part(0, 4))
  const replica = store.snapshot()
  await warm.process(part(4, 8))
  store.restore(replica)
  t.match(await warm.process(part(4, 8)), { outcome: 'committed', folded: 4, offset: 8 })
  store.restore(replica)
  await t.rejects(warm.process(part(8, 10)), { code: 'BATCH_GAP', expected: 4, given: 8 })
})

t.test('calls for one partition take turns, and other partitions do not wait for them', async (t) => {
  const { start, store } = rig()
  const warm = start()
  const gate = Promise.withResolvers<void>()
  const claim = store.claim.bind(store)
  store.claim = async (partition) => {
    if (partition === PARTITION) await gate.promise
    return claim(partition)
  }
  const both = Promise.all([warm.process(part(0, 4)), warm.process(part(2, 6))])
  t.match(await warm.process({ ...part(0, 3), partition: 'mesh.requests-1' }), { folded: 3 })
  gate.resolve()
  t.match(await both, [
    { folded: 4, epoch: 1 },
    { folded: 2, skipped: 2, epoch: 1 },
  ])
})

t.test('buckets close by the clock where the end of the partition is known', async (t) => {
  const { clock, start, store } = rig()
  await start().process(part(0, 1))
  const openMs = async () => (await store.read(PARTITION, () => []))!.meta.openMs.length
  clock.nowMs += 120_000
  await start().process({ partition: PARTITION, records: [] })
  t.equal(await openMs(), 1, 'more may come')
  await start().process({ partition: PARTITION, records: [], endOffset: 1 })
  t.equal(await openMs(), 0)
})

t.test('partitions of a mirrored topic are of its cluster', async (t) => {
  const { start, store } = rig()
  await start().process({ ...part(0, 1), partition: 'west.mesh.requests-0' })
  const { openMs } = (await store.read('west.mesh.requests-0', () => []))!.meta
  const snapshot = await store.read('west.mesh.requests-0', () => [
    { address: { kind: 'stat', tier: '10s', startMs: openMs[0]! } },
  ])
  t.same(
    snapshot!.blobs.map(({ scope }) => scope),
    ['west/emojivoto'],
  )
})

/** Takes a few turns of the event loop for each call, and now and then fails before or after it did what was asked. */
function slow<S extends RollupStore>(store: S, numbers: readonly number[]): S {
  let at = 0
  const next = () => numbers[at++ % numbers.length]!
  const wrap =
    <A extends unknown[], R>(call: (...args: A) => Promise<R>, mayFail: boolean) =>
    async (...args: A): Promise<R> => {
      const number = next()
      for (let i = 0; i < number % 4; i++) await new Promise((resolve) => setImmediate(resolve))
      if (mayFail && number % 11 === 10) throw new StoreError('STORE_UNAVAILABLE', 'before')
      const answer = await call(...args)
      for (let i = 0; i < number % 3; i++) await new Promise((resolve) => setImmediate(resolve))
      if (mayFail && number % 13 === 12) throw new StoreError('STORE_UNAVAILABLE', 'after')
      return answer
    }
  return Object.assign(Object.create(store) as S, {
    claim: wrap(store.claim.bind(store), true),
    commit: wrap(store.commit.bind(store), true),
    read: wrap(store.read.bind(store), false),
  })
}

const plans = fc.record({
  batches: fc.array(fc.array(trafficEvents({ fromMs: FROM, toMs: NOW }), { minLength: 1, maxLength: 3 }), {
    minLength: 4,
    maxLength: 16,
    size: 'max',
  }),
  /** Rounds of calls at the same time: which process, whether it has just started, and which records it is handed. */
  rounds: fc.array(
    fc.array(
      fc.record({
        process: fc.nat(2),
        isCold: fc.boolean(),
        from: fc.integer({ min: -4, max: 2 }),
        count: fc.integer({ min: 0, max: 8 }),
        passMs: fc.constantFrom(0, 0, 1000, 40_000),
      }),
      { minLength: 1, maxLength: 4 },
    ),
    { minLength: 5, maxLength: 25, size: 'max' },
  ),
  delays: fc.array(fc.nat(1000), { minLength: 50, maxLength: 50 }),
})

type Plan = typeof plans extends fc.Arbitrary<infer P> ? P : never

async function holds(t: Test, plan: Plan, open: (now: () => number) => Promise<RollupStore>) {
  const records: StoredRecord[] = plan.batches.map((events, i) =>
    i % 5 === 4
      ? recordOf(plan.batches[i - 1]!, i, { producer: 'p', sequence: 1 })
      : recordOf(events, i, i % 5 === 3 ? { producer: 'p', sequence: 1 } : undefined),
  )
  const { clock, start } = rig()
  const real = await open(() => clock.nowMs)
  const store = slow(real, plan.delays)
  const processes = [start({ store }), start({ store }), start({ store })]
  let offset = 0
  let conflicts = 0
  for (const round of plan.rounds) {
    const calls = round.map(async ({ process, isCold, from, count, passMs }) => {
      // Within the time that the finest tier keeps.
      clock.nowMs = Math.min(NOW + 300_000, clock.nowMs + passMs)
      if (isCold) processes[process] = start({ store })
      const begin = Math.max(0, offset + from)
      const batch = { partition: PARTITION, records: records.slice(begin, begin + count) } as const
      try {
        const report = await processes[process]!.process(batch)
        offset = Math.max(offset, report.offset)
      } catch (error) {
        if (error instanceof BatchConflictError) conflicts++
        else if (!(error instanceof BatchGapError || error instanceof StoreError)) throw error
      }
    })
    await Promise.all(calls)
  }
  const last = await start({ store: real }).process({ partition: PARTITION, records })
  t.equal(last.offset, records.length)
  const straight = rig()
  straight.clock.nowMs = clock.nowMs
  await straight.start().process({ partition: PARTITION, records })
  t.strictSame(await readEverything(real), await readEverything(straight.store))
  await real.close()
  return { conflicts, isRight: t.passing() }
}

t.test('whoever calls with whatever part of the log, the totals are those of one straight run', async (t) => {
  let conflicts = 0
  await fc.assert(
    fc.asyncProperty(plans, async (plan) => {
      const result = await holds(t, plan, async (now) => new MemoryRollupStore(now))
      conflicts += result.conflicts
      return result.isRight
    }),
    { seed: 91, numRuns: 80 },
  )
  t.ok(conflicts > 30, `${conflicts} conflicts`)
})

t.test('that holds on a store on disk', async (t) => {
  let number = 0
  const path = t.testdir()
  await fc.assert(
    fc.asyncProperty(plans, async (plan) => {
      const open = (now: () => number) => EmbeddedRollupStore.open({ path: `${path}/${number++}`, now })
      return (await holds(t, plan, open)).isRight
    }),
    { seed: 92, numRuns: 6 },
  )
})
