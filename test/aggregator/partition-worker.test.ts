import t, { type Test } from 'tap'
import { WorkTally } from '../../src/aggregator/aggregator-stats.ts'
import { Gate } from '../../src/aggregator/gate.ts'
import { NotClaimedError, PartitionWorker } from '../../src/aggregator/partition-worker.ts'
import { type StoredRecord } from '../../src/log/event-log.ts'
import { type CommitOutcome, StoreError } from '../../src/store/rollup-store.ts'
import { MemoryRollupStore } from '../memory-rollup-store.ts'
import { FOLDING, NOW, recordOf, requestAt } from './partition-rig.ts'

const PARTITION = 'mesh.requests-0'
const TIMING = { flushMs: 1000, heartbeatMs: 5000, reclaimMs: 40, holdMs: 120 }

/** A store whose commits wait until a test lets them go. */
class HangingStore extends MemoryRollupStore {
  hangs = false
  readonly waiting: (() => void)[] = []

  override async commit(commit: Parameters<MemoryRollupStore['commit']>[0]): Promise<CommitOutcome> {
    if (this.hangs) await new Promise<void>((resolve) => this.waiting.push(resolve))
    return super.commit(commit)
  }
}

function rig(_t: Test, options: { random?: () => number; store?: MemoryRollupStore } = {}) {
  const clock = { nowMs: NOW }
  const store = options.store ?? new MemoryRollupStore(() => clock.nowMs)
  const troubles: string[] = []
  const tally = new WorkTally()
  const gate = new Gate(4)
  const make = () =>
    new PartitionWorker({
      processor: {
        partition: PARTITION,
        store,
        now: () => clock.nowMs,
        ...FOLDING,
        setAside: async () => {},
      },
      timing: TIMING,
      gate,
      tally,
      onTrouble: (kind, message) => troubles.push(`${kind}: ${message}`),
      random: options.random ?? (() => 0),
    })
  return { clock, store, troubles, tally, gate, make }
}

const batch = (from: number, count = 1, timeMs = NOW) => {
  const records = Array.from({ length: count }, (_, i) => recordOf([requestAt(timeMs)], from + i))
  return { partition: PARTITION, records, endOffset: from + count } as const
}

async function offsetOf(store: MemoryRollupStore): Promise<number | undefined> {
  return (await store.read(PARTITION, () => []))?.meta.offset
}

t.test('commits when the flush time is over, and an idle partition when the heartbeat is', async (t) => {
  const { clock, tally, make } = rig(t)
  const worker = make()
  t.equal(await worker.assigned(), 0)
  t.equal(await worker.records(batch(0)), 1)
  clock.nowMs += 999
  await worker.flush()
  t.equal(tally.snapshot([], 0).commits.count, 0)
  clock.nowMs += 1
  await worker.flush()
  t.equal(tally.snapshot([], 0).commits.count, 1)
  clock.nowMs += 4999
  await worker.flush()
  t.equal(tally.snapshot([], 0).commits.count, 1)
  clock.nowMs += 1
  await worker.flush()
  t.match(tally.snapshot([], 0).commits, { count: 2, bytes: Number, totalMs: Number })
})

t.test('partitions claimed together have their heartbeats and flushes at times of their own', async (t) => {
  for (const [share, heartbeatMs, secondMs] of [
    [0, 5000, 1000],
    [0.5, 2500, 500],
    [0.9, 500, 100],
  ] as const) {
    const { clock, tally, make } = rig(t, { random: () => share })
    const worker = make()
    await worker.assigned()
    const committedAfter = async () => {
      const before = tally.snapshot([], 0).commits.count
      for (let ms = 0; ; ms += 100, clock.nowMs += 100) {
        await worker.flush()
        if (tally.snapshot([], 0).commits.count > before) return ms
      }
    }
    t.equal(await committedAfter(), heartbeatMs)
    await worker.records(batch(0))
    t.equal(await committedAfter(), secondMs)
    await worker.records(batch(1))
    t.equal(await committedAfter(), 1000, 'and keeps them')
  }
})

t.test('while a commit hangs, one flush waits and no more', async (t) => {
  const store = new HangingStore()
  const { clock, gate, tally, make } = rig(t, { store })
  const worker = make()
  await worker.assigned()
  await worker.records(batch(0))
  store.hangs = true
  clock.nowMs += 1000
  const first = worker.flush()
  const others = Array.from({ length: 1000 }, () => worker.flush())
  await Promise.all(others)
  t.equal(gate.running + gate.waiting, 1)
  store.hangs = false
  store.waiting[0]!()
  await first
  t.equal(tally.snapshot([], 0).commits.count, 1)
  t.equal(await offsetOf(store), 1)
})

t.test('a batch of many times is committed in pieces, and is given once', async (t) => {
  const { store, tally, make } = rig(t)
  const worker = make()
  await worker.assigned()
  const records: StoredRecord[] = Array.from({ length: 1000 }, (_, i) =>
    recordOf([requestAt(NOW - 6 * 3_600_000 + i * 10_000)], i),
  )
  t.equal(await worker.records({ partition: PARTITION, records, endOffset: 1000 }), 1000)
  t.equal(tally.snapshot([], 0).commits.count, 3)
  t.equal(await offsetOf(store), 771)
})

t.test('a partition that another worker claimed is left to it while that one commits', async (t) => {
  const { clock, store, tally, troubles, make } = rig(t)
  const loser = make()
  await loser.assigned()
  await loser.records(batch(0))
  const winner = make()
  t.equal(await winner.assigned(), 0)
  clock.nowMs += 1000
  await loser.flush()
  t.match(troubles, [/^stale-epoch: epoch 1 is stale: another worker claimed the partition with 2$/])
  t.equal(loser.stats.epoch, undefined)
  t.equal(loser.stats.offset, 1, 'what was known is still told')
  const pass = () => new Promise((resolve) => setTimeout(resolve, TIMING.reclaimMs + 10))
  for (let i = 0; i < 3; i++) {
    await winner.records(batch(i))
    clock.nowMs += 1000
    await winner.flush()
    t.equal(await loser.flush(), undefined)
    await pass()
  }
  t.equal(winner.stats.epoch, 2, 'nothing was taken from it')
  // The winner says nothing more.
  t.equal(await loser.flush(), 3, 'the log is to go on from there')
  t.equal(loser.stats.epoch, 3)
  t.equal(tally.reclaims, 1)
  t.equal(await offsetOf(store), 3)
})

t.test('a store that refuses every commit is not asked without pause', async (t) => {
  class FullStore extends MemoryRollupStore {
    commits = 0
    override async commit(): Promise<CommitOutcome> {
      this.commits++
      throw new StoreError('STORE_FULL', 'no room')
    }
  }
  const store = new FullStore()
  const { tally, make } = rig(t, { store, random: () => 1 })
  const worker = make()
  await worker.assigned()
  const until = performance.now() + 300
  while (performance.now() < until) {
    await worker.records(batch(0)).catch((error: unknown) => t.ok(error instanceof NotClaimedError))
    await worker.flush()
  }
  t.ok(store.commits > 1 && store.commits <= 4, `${store.commits} commits in 300 ms`)
  t.ok(tally.claims <= store.commits + 1)
})

t.test('a revocation during a claim ends the waiting, and nothing is sought', async (t) => {
  const { store, make } = rig(t)
  const worker = make()
  await worker.assigned()
  store.failure = new StoreError('STORE_UNAVAILABLE', 'away')
  await worker.records(batch(0))
  const failing = make()
  const assigning = t.rejects(failing.assigned(), new NotClaimedError(PARTITION, 'it was given back before'))
  await new Promise((resolve) => setTimeout(resolve, 30))
  await failing.revoked()
  await assigning
  t.equal(await failing.flush(), undefined)
})

t.test('a call of the log does not wait for a claim without end', async (t) => {
  const { store, make } = rig(t)
  store.failure = new StoreError('STORE_UNAVAILABLE', 'away')
  const startMs = performance.now()
  const worker = make()
  await t.rejects(worker.assigned(), new NotClaimedError(PARTITION, 'away'))
  const ms = performance.now() - startMs
  t.ok(ms >= TIMING.holdMs && ms < 2000, `${ms} ms`)
  store.failure = undefined
  t.equal(await worker.flush(), undefined, 'the log does not read it, so it is not claimed on the side')
})
