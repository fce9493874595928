import t from 'tap'
import { Aggregator } from '../../src/aggregator/aggregator.ts'
import { encodeEventBatch } from '../../src/event/event-batch-encoder.ts'
import type { LogRecord } from '../../src/log/event-log.ts'
import { EmbeddedEventLog } from '../../src/log/embedded/embedded-event-log.ts'
import { StoreError } from '../../src/store/rollup-store.ts'
import { decodeStatBlock } from '../../src/rollup/stat-block-codec.ts'
import { MemoryRollupStore } from '../memory-rollup-store.ts'
import { random } from '../random.ts'
import { columnsOf } from '../rollup/traffic.ts'
import { FOLDING, requestAt } from './partition-rig.ts'

const TOPIC = 'mesh.requests'

/** Fails now and then, before a commit or after it, takes its time, and loses its newest commits or all of them. */
class TroubledStore extends MemoryRollupStore {
  readonly #chance: () => number
  readonly #states = [this.snapshot()]
  isTroubled = true

  constructor(chance: () => number) {
    super(Date.now)
    this.#chance = chance
  }

  override async commit(commit: Parameters<MemoryRollupStore['commit']>[0]) {
    const luck = this.isTroubled ? this.#chance() : 1
    if (luck < 0.3) await new Promise((resolve) => setTimeout(resolve, luck * 50))
    if (luck < 0.03) throw new StoreError('STORE_UNAVAILABLE', 'before the commit')
    const outcome = await super.commit(commit)
    if (luck < 0.06) throw new StoreError('STORE_UNAVAILABLE', 'after the commit')
    this.#states.push(this.snapshot())
    if (this.#states.length > 20) this.#states.splice(1, 1)
    return outcome
  }

  lose(share: number): void {
    this.restore(this.#states[Math.floor(share * this.#states.length)]!)
  }
}

async function totals(store: MemoryRollupStore): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const partition of await store.partitions()) {
    const snapshot = await store.read(partition, ({ openMs }) => [
      { address: { kind: 'total' } },
      ...openMs.map((startMs) => ({ address: { kind: 'stat', tier: '10s', startMs } as const })),
    ])
    for (const { scope, blob } of snapshot?.blobs ?? []) {
      counts[scope] = decodeStatBlock(blob).outcomeCount.reduce((a, b) => a + b, counts[scope] ?? 0)
    }
  }
  return counts
}

t.test(
  'workers that come and go, on a store in trouble, leave the exact totals',
  { timeout: 60_000 },
  async (t) => {
    const chance = random(101)
    const log = await EmbeddedEventLog.open({
      path: t.testdir(),
      partitions: 3,
      maxBytes: 64 * 2 ** 20,
      maxAgeMs: 3_600_000,
    })
    t.teardown(() => log.close())
    const store = new TroubledStore(chance)
    const troubles: Record<string, number> = {}
    const start = async () => {
      const aggregator = new Aggregator({
        log,
        topic: TOPIC,
        deadLetterTopic: 'mesh.requests.dead',
        flushMs: 20,
        timing: { heartbeatMs: 30, reclaimMs: 60, holdMs: 50 },
        processor: { store, now: Date.now, ...FOLDING },
        onTrouble: ({ kind }) => (troubles[kind] = (troubles[kind] ?? 0) + 1),
        onFatal: (error) => t.fail(String(error)),
      })
      await aggregator.start()
      return aggregator
    }
    const truth: Record<string, number> = {}
    let sequence = 0
    /** Every second batch is sent twice, under its number. */
    const append = async () => {
      const namespace = `n${Math.floor(chance() * 5)}`
      const count = 1 + Math.floor(chance() * 20)
      const event = { ...requestAt(Date.now()), destination: { namespace, name: 'web' } }
      const columns = columnsOf(Array.from({ length: count }, () => event))
      Object.assign(columns, { producer: `p-${namespace}`, sequence: ++sequence })
      const record: LogRecord = {
        key: namespace,
        headers: { 'content-type': 'application/x-protobuf; proto=meshtap.v1.EventBatch' },
        value: encodeEventBatch(columns),
      }
      await log.append(TOPIC, sequence % 2 === 0 ? [record, record] : [record])
      truth[`east/${namespace}`] = (truth[`east/${namespace}`] ?? 0) + count
    }

    const workers = [await start(), await start()]
    for (let step = 0; step < 150; step++) {
      for (let i = 0; i < 5; i++) await append()
      const luck = chance()
      if (luck < 0.1) await workers.splice(Math.floor(chance() * workers.length), 1)[0]?.close()
      else if (luck < 0.2 && workers.length < 3) workers.push(await start())
      else if (luck < 0.3) store.lose(chance())
      await new Promise((resolve) => setTimeout(resolve, chance() * 30))
    }
    store.isTroubled = false
    workers.push(await start())
    const isDone = async () => {
      const found = await totals(store)
      return Object.entries(truth).every(([scope, count]) => (found[scope] ?? 0) >= count)
    }
    for (let tries = 0; tries < 200 && !(await isDone()); tries++) {
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    for (const worker of workers) await worker.close()
    t.strictSame(await totals(store), truth)
    t.comment(JSON.stringify(troubles))
    for (const kind of ['store', 'stale-epoch', 'store-moved']) t.ok((troubles[kind] ?? 0) > 3, kind)
  },
)
