import assert from 'node:assert/strict'
import fc from 'fast-check'
import { Redis } from 'ioredis'
import t from 'tap'
import type { PartitionId } from '../../../src/log/event-log.ts'
import type {
  BlobAddress,
  BlobWrite,
  BucketAddress,
  Commit,
  PartitionMeta,
  RollupStore,
} from '../../../src/store/rollup-store.ts'
import { MemoryRollupStore } from '../../memory-rollup-store.ts'
import { redisForTest } from '../../services.ts'
import { openRedis } from './open-redis.ts'

const PARTITIONS: readonly PartitionId[] = ['t-0', 't-1']
const BUCKETS: readonly BucketAddress[] = (['stat', 'top'] as const).flatMap((kind) =>
  [0, 10_000].map((startMs): BucketAddress => ({ kind, tier: '10s', startMs })),
)
const ADDRESSES: readonly BlobAddress[] = [{ kind: 'total' }, ...BUCKETS]
const SCOPES = ['', 'a', 'b', 'ü', 'long'.repeat(20_000)]

type Step =
  | { readonly kind: 'claim'; readonly partition: PartitionId }
  | { readonly kind: 'flush' }
  | {
      readonly kind: 'commit'
      readonly partition: PartitionId
      /** How many claims ago the writer's was. */
      readonly age: number
      /** Whether it builds on what is stored, or else from where. */
      readonly base: 'stored' | 'older'
      readonly advance: number
      readonly writes: readonly BlobWrite[]
      readonly expired: readonly BucketAddress[]
    }

const partition = fc.constantFrom(...PARTITIONS)
const write: fc.Arbitrary<BlobWrite> = fc.record({
  address: fc.constantFrom(...ADDRESSES),
  scope: fc.constantFrom(...SCOPES),
  blob: fc.option(fc.uint8Array({ maxLength: 40 }), { nil: undefined, freq: 3 }),
})
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('claim' as const), partition }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('flush' as const) }) },
  {
    weight: 30,
    arbitrary: fc.record({
      kind: fc.constant('commit' as const),
      partition,
      age: fc.constantFrom(0, 0, 0, 0, 0, 0, 1),
      base: fc.constantFrom(
        'stored' as const,
        'stored' as const,
        'stored' as const,
        'stored' as const,
        'older' as const,
      ),
      advance: fc.nat({ max: 3 }),
      writes: fc.array(write, { maxLength: 12 }),
      expired: fc.subarray([...BUCKETS], { maxLength: 1 }),
    }),
  },
)

/** Runs the same calls on a store, each with its own epochs; answers what they told, without epochs and versions. */
class Runner {
  readonly #store: RollupStore
  readonly #flush: () => Promise<unknown>
  readonly #epochs = new Map<PartitionId, number[]>()
  readonly #metas = new Map<PartitionId, (PartitionMeta | undefined)[]>()
  /** What a reader keeps of blobs, by where they are: version and content. */
  readonly #cache = new Map<string, { readonly version: string; readonly hex: string }>()
  #commits = 0

  constructor(store: RollupStore, flush: () => Promise<unknown>) {
    this.#store = store
    this.#flush = flush
  }

  async run(step: Step): Promise<unknown> {
    switch (step.kind) {
      case 'flush':
        await this.#flush()
        // The model, unlike Redis, gives the same epochs anew: of those from before nothing is asked.
        this.#epochs.clear()
        this.#metas.clear()
        return 'flushed'
      case 'claim': {
        const { epoch, meta } = await this.#store.claim(step.partition)
        this.#of(this.#epochs, step.partition).unshift(epoch)
        this.#of(this.#metas, step.partition).unshift(meta)
        return plain(meta)
      }
      case 'commit': {
        const epoch = this.#of(this.#epochs, step.partition)[step.age] ?? 0
        const metas = this.#of(this.#metas, step.partition)
        const base = metas[step.base === 'stored' ? 0 : 1]
        const meta: PartitionMeta = {
          offset: (base?.offset ?? 0) + step.advance,
          watermarkMs: 0,
          closedThroughMs: 0,
          openMs: [0],
          producers: new Uint8Array(),
          counters: {},
          stamp: String(++this.#commits),
        }
        const commit: Commit = {
          partition: step.partition,
          epoch,
          expectedOffset: base?.offset ?? 0,
          ...(base?.stamp === undefined ? {} : { expectedStamp: base.stamp }),
          meta,
          writes: step.writes,
          // As writers do: with each write to a bucket its expiry is given.
          expiries: [
            ...BUCKETS.map((address) => ({ address, expiresAtMs: Date.now() + 3_600_000 })),
            ...step.expired.map((address) => ({ address, expiresAtMs: 1000 })),
          ],
        }
        const outcome = await this.#store.commit(commit)
        if (outcome.kind === 'committed') metas.unshift(meta)
        return outcome.kind === 'stale-epoch' ? outcome.kind : outcome
      }
    }
  }

  /** Everything that a reader finds which keeps what it has read. */
  async state(partition: PartitionId): Promise<unknown> {
    const id = (address: BlobAddress, scope: string) => `${partition} ${JSON.stringify(address)} ${scope}`
    const snapshot = await this.#store.read(partition, () =>
      ADDRESSES.map((address) => ({
        address,
        knows: (scope, version) => this.#cache.get(id(address, scope))?.version === version,
      })),
    )
    if (snapshot === undefined) return undefined
    for (const { address, scope, version, blob } of snapshot.blobs) {
      this.#cache.set(id(address, scope), { version, hex: Buffer.from(blob).toString('hex') })
    }
    const found = [...snapshot.known, ...snapshot.blobs].map(({ address, scope }) => {
      return `${id(address, scope)} ${this.#cache.get(id(address, scope))!.hex}`
    })
    return { meta: plain(snapshot.meta), found: found.sort() }
  }

  /** Drops what the reader keeps: the model, unlike Redis, gives versions anew. */
  forget(): void {
    this.#cache.clear()
  }

  #of<T>(map: Map<PartitionId, T[]>, partition: PartitionId): T[] {
    const found = map.get(partition) ?? []
    map.set(partition, found)
    return found
  }
}

function plain(meta: PartitionMeta | undefined): unknown {
  return meta === undefined ? undefined : { ...meta, producers: [...meta.producers] }
}

t.test('whatever is claimed, committed and lost, Redis answers as the model does', async (t) => {
  const { url } = await redisForTest(t, { appendonly: 'no' })
  const own = new Redis(url)
  t.teardown(() => own.disconnect())
  const store = await openRedis(t, url)
  let committed = 0
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
      await own.flushdb()
      const memory = new MemoryRollupStore(Date.now)
      const empty = memory.snapshot()
      const model: Runner = new Runner(memory, async () => {
        memory.restore(empty)
        model.forget()
      })
      const redis = new Runner(store, () => own.flushdb())
      for (const one of [{ kind: 'claim', partition: 't-0' } as const, ...steps]) {
        const want = await model.run(one)
        assert.deepEqual(await redis.run(one), want)
        if (want !== null && typeof want === 'object' && 'kind' in want && want.kind === 'committed')
          committed++
        for (const partition of PARTITIONS) {
          assert.deepEqual(await redis.state(partition), await model.state(partition))
        }
      }
    }),
    { seed: 61, numRuns: 50 },
  )
  t.ok(committed > 150, `${committed} commits went through`)
})
