import type { BucketFold } from '../rollup/bucket-fold.ts'
import type { MergeOptions, Rollup } from '../rollup/rollup.ts'
import { withoutPod } from '../rollup/series.ts'
import type { StatBlock } from '../rollup/stat-block.ts'
import { decodeStatBlock, encodeStatBlock } from '../rollup/stat-block-codec.ts'
import { bucketStart, FINEST, type Tier, TIERS, TOTALS_IDLE_MS } from '../rollup/tier.ts'
import type { TopBlock } from '../rollup/top-block.ts'
import { decodeTopBlock, encodeTopBlock } from '../rollup/top-block-codec.ts'
import type { TopRollup } from '../rollup/top-rollup.ts'
import type {
  BlobAddress,
  BlobWrite,
  BucketAddress,
  Claim,
  Commit,
  RollupStore,
} from '../store/rollup-store.ts'
import type { PartitionBuckets } from './partition-buckets.ts'

/** Buckets of the higher tiers, and closed ones of the finest, held between commits. */
const MAX_HELD = 16

/** Totals are rebuilt without their idle series this often. */
const SWEEP_MS = 600_000

const LONGEST = TIERS[TIERS.length - 1]!

interface HeldBucket {
  readonly tier: Tier
  readonly startMs: number
  readonly rollup: Rollup
  readonly top: TopRollup
}

export type Changes = Pick<Commit, 'writes' | 'expiries'>

/**
 * What a partition has in the store beyond its open buckets, as far as it is held in memory: the running totals, and
 * the buckets that closing and late events are merged into. Each is loaded the first time it is touched.
 */
export class PartitionState {
  readonly #store: RollupStore
  readonly #claim: Claim
  readonly #buckets: PartitionBuckets
  readonly #held = new Map<string, HeldBucket>()
  /** Open buckets that the store has. */
  readonly #storedOpen = new Set<number>()
  #totals: Rollup
  #overflowed = 0
  #totalScopes = new Set<string>()
  #sweptMs = 0

  private constructor(store: RollupStore, claim: Claim, buckets: PartitionBuckets) {
    this.#store = store
    this.#claim = claim
    this.#buckets = buckets
    this.#totals = buckets.newRollup()
  }

  /** Reads the totals and the open buckets of a claimed partition. */
  static async load(store: RollupStore, claim: Claim, buckets: PartitionBuckets): Promise<PartitionState> {
    const state = new PartitionState(store, claim, buckets)
    if (claim.meta === undefined) return state
    const { openMs } = claim.meta
    const open = openMs.flatMap((startMs) => addressesOf(FINEST, startMs))
    const snapshot = await store.read(claim.partition, () =>
      [{ kind: 'total' } as const, ...open].map((address) => ({ address })),
    )
    for (const startMs of openMs) {
      buckets.openBucket(startMs)
      state.#storedOpen.add(startMs)
    }
    for (const { address, scope, blob } of snapshot?.blobs ?? []) {
      if (address.kind === 'total') {
        state.#totals.merge(decodeStatBlock(blob))
        state.#totalScopes.add(scope)
      } else if (address.kind === 'stat') {
        buckets.openBucket(address.startMs).rollup.merge(decodeStatBlock(blob))
      } else {
        buckets.openBucket(address.startMs).top.merge(scope, decodeTopBlock(blob))
      }
    }
    state.#totals.markClean()
    for (const fold of buckets.open.values()) markClean(fold)
    return state
  }

  /** Series in the running totals. */
  get series(): number {
    return this.#totals.size
  }

  /** Times that a series was counted in `__overflow__` of buckets that are closed by now. */
  get overflowed(): number {
    return this.#overflowed
  }

  /**
   * Merges what closes and what came late into everything it belongs to, and answers all that changed since the last
   * call. The folds must be drained.
   */
  async changes(
    buckets: PartitionBuckets,
    at: { readonly closing: readonly number[]; readonly nowMs: number; readonly heardMs: number },
  ): Promise<Changes> {
    const writes: BlobWrite[] = []
    const expiries: Changes['expiries'][number][] = []
    for (const startMs of at.closing) {
      const fold = buckets.open.get(startMs)!
      await this.#spread(fold, FINEST, startMs, at)
      this.#overflowed += fold.rollup.overflowed
      buckets.open.delete(startMs)
      const expiresAtMs = expiryOf(FINEST, startMs)
      // A log that is read again has buckets that nobody could read any more: those are only spread.
      if (expiresAtMs > at.nowMs) writeBucket(writes, FINEST, startMs, fold)
      else if (!this.#storedOpen.has(startMs)) continue
      this.#storedOpen.delete(startMs)
      for (const address of addressesOf(FINEST, startMs)) expiries.push({ address, expiresAtMs })
    }
    for (const { tier, startMs, fold } of buckets.late.values()) {
      mergeFold(await this.#hold(tier, startMs), fold, tier)
      await this.#spread(fold, tier, startMs, at)
    }
    buckets.late.clear()
    const beyond = buckets.takeBeyond()
    // A trace from the future would be the newest until then.
    if (beyond !== undefined) this.#addToTotals(beyond, { heardMs: at.heardMs, withoutExemplars: true })

    for (const [startMs, fold] of buckets.open) {
      // An open bucket must outlive every tier: it is in none of the higher ones yet, nor in the totals.
      const expiresAtMs = expiryOf(LONGEST, startMs) + LONGEST.retentionMs
      if (!writeBucket(writes, FINEST, startMs, fold)) continue
      this.#storedOpen.add(startMs)
      for (const address of addressesOf(FINEST, startMs)) expiries.push({ address, expiresAtMs })
    }
    for (const held of this.#held.values()) {
      if (!writeBucket(writes, held.tier, held.startMs, held)) continue
      for (const address of addressesOf(held.tier, held.startMs)) {
        expiries.push({ address, expiresAtMs: expiryOf(held.tier, held.startMs) })
      }
    }
    this.#writeTotals(writes, at.heardMs)
    this.#release()
    return { writes, expiries }
  }

  /** Adds a bucket's content to the tiers above its own that still keep its time, and to the totals. */
  async #spread(
    fold: BucketFold,
    own: Tier,
    startMs: number,
    at: { readonly nowMs: number; readonly heardMs: number },
  ): Promise<void> {
    for (const tier of TIERS) {
      if (tier.bucketMs <= own.bucketMs) continue
      const start = bucketStart(tier, startMs)
      if (expiryOf(tier, start) <= at.nowMs) continue
      mergeFold(await this.#hold(tier, start), fold, tier)
    }
    this.#addToTotals(fold, { heardMs: at.heardMs })
  }

  #addToTotals(fold: BucketFold, options: MergeOptions): void {
    for (const scope of fold.rollup.scopes()) this.#totals.merge(fold.rollup.block(scope), options)
  }

  /** A bucket that is not open, with all that is stored of it. */
  async #hold(tier: Tier, startMs: number): Promise<HeldBucket> {
    const id = `${tier.name}:${startMs}`
    const known = this.#held.get(id)
    // Put last, so that the ones not touched for longest are first.
    if (known !== undefined) this.#held.delete(id)
    const held = known ?? (await this.#read(tier, startMs))
    this.#held.set(id, held)
    return held
  }

  async #read(tier: Tier, startMs: number): Promise<HeldBucket> {
    const held: HeldBucket = {
      tier,
      startMs,
      rollup: this.#buckets.newRollup(),
      top: this.#buckets.newTop(),
    }
    const snapshot = await this.#store.read(this.#claim.partition, () =>
      addressesOf(tier, startMs).map((address) => ({ address })),
    )
    for (const { address, scope, blob } of snapshot?.blobs ?? []) {
      if (address.kind === 'top') held.top.merge(scope, decodeTopBlock(blob))
      else held.rollup.merge(decodeStatBlock(blob))
    }
    markClean(held)
    return held
  }

  #writeTotals(writes: BlobWrite[], heardMs: number): void {
    const address: BlobAddress = { kind: 'total' }
    if (heardMs - this.#sweptMs >= SWEEP_MS) this.#sweep(heardMs, writes)
    for (const scope of this.#totals.dirtyScopes()) {
      writes.push({ address, scope, blob: encodeStatBlock(this.#totals.block(scope)) })
      this.#totalScopes.add(scope)
    }
    this.#totals.markClean()
  }

  /** Drops the totals of series that had no event for an hour; a scope of which none is left goes whole. */
  #sweep(heardMs: number, writes: BlobWrite[]): void {
    const kept = this.#buckets.newRollup()
    for (const scope of this.#totals.scopes()) {
      kept.merge(this.#totals.block(scope, heardMs - TOTALS_IDLE_MS))
    }
    const scopes = new Set(kept.scopes())
    for (const scope of this.#totalScopes) {
      if (!scopes.has(scope)) writes.push({ address: { kind: 'total' }, scope, blob: undefined })
    }
    this.#totals = kept
    this.#totalScopes = scopes
    this.#sweptMs = heardMs
  }

  #release(): void {
    for (const id of this.#held.keys()) {
      if (this.#held.size <= MAX_HELD) return
      this.#held.delete(id)
    }
  }
}

function addressesOf(tier: Tier, startMs: number): [BucketAddress, BucketAddress] {
  return [
    { kind: 'stat', tier: tier.name, startMs },
    { kind: 'top', tier: tier.name, startMs },
  ]
}

/** When a closed bucket may go. */
function expiryOf(tier: Tier, startMs: number): number {
  return startMs + tier.bucketMs + tier.retentionMs
}

function mergeFold(held: HeldBucket, fold: BucketFold, tier: Tier): void {
  const options = { withoutExemplars: !tier.exemplars, ...(tier.pods ? {} : { rename: withoutPod }) }
  for (const scope of fold.rollup.scopes()) held.rollup.merge(fold.rollup.block(scope), options)
  for (const scope of fold.top.scopes()) held.top.merge(scope, fold.top.block(scope))
}

/** Writes a bucket's changed blobs; answers whether there were any. */
function writeBucket(
  writes: BlobWrite[],
  tier: Tier,
  startMs: number,
  bucket: { readonly rollup: Rollup; readonly top: TopRollup },
): boolean {
  const [stat, top] = addressesOf(tier, startMs)
  const before = writes.length
  for (const scope of bucket.rollup.dirtyScopes()) {
    const block: StatBlock = bucket.rollup.block(scope)
    writes.push({ address: stat, scope, blob: encodeStatBlock(block) })
  }
  for (const scope of bucket.top.dirtyScopes()) {
    const block: TopBlock = bucket.top.block(scope)
    writes.push({ address: top, scope, blob: encodeTopBlock(block) })
  }
  markClean(bucket)
  return writes.length > before
}

function markClean(bucket: { readonly rollup: Rollup; readonly top: TopRollup }): void {
  bucket.rollup.markClean()
  bucket.top.markClean()
}
