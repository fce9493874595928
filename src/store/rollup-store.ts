import type { PartitionId } from '../log/event-log.ts'

export type TierName = '10s' | '1m' | '10m'

/** Where a bucket's blobs are: one blob a scope. */
export interface BucketAddress {
  readonly kind: 'stat' | 'top'
  readonly tier: TierName
  /** Epoch milliseconds, a multiple of the tier's length. */
  readonly startMs: number
}

/** The running totals: `stat` blobs that no time bounds. */
export interface TotalAddress {
  readonly kind: 'total'
}

export type BlobAddress = BucketAddress | TotalAddress

/** What a partition knows of itself, changed only together with its blobs. */
export interface PartitionMeta {
  /** Offset of the next record to fold. */
  readonly offset: number
  /** All events up to this time that the log held are folded, as far as event times can say. Epoch milliseconds. */
  readonly watermarkMs: number
  /** 10 s buckets that end at or before this are folded into the higher tiers and the totals; later ones are not. */
  readonly closedThroughMs: number
  /** Starts of the 10 s buckets that are not closed, ascending. */
  readonly openMs: readonly number[]
  /** Sequence windows of the producers that number their batches. */
  readonly producers: Uint8Array
  /** Running counts by name: events, late, future, duplicates, dead letters, … */
  readonly counters: Readonly<Record<string, number>>
  /** Made anew for every commit, so that it tells this state from any other, also from one of the same offset. */
  readonly stamp?: string
}

/** Proof of being a partition's only writer, until another claims it. */
export interface Claim {
  readonly partition: PartitionId
  readonly epoch: number
  /** What was last committed; undefined where nothing ever was. */
  readonly meta: PartitionMeta | undefined
}

export interface BlobWrite {
  readonly address: BlobAddress
  readonly scope: string
  /** Undefined deletes. */
  readonly blob: Uint8Array | undefined
}

/** One atomic change of a partition. */
export interface Commit {
  readonly partition: PartitionId
  readonly epoch: number
  /** The offset this writer last left there: 0 where nothing was ever committed. */
  readonly expectedOffset: number
  /**
   * The stamp of the state that this writer built on; left out where that had none. The offset alone does not say
   * what the store holds: a commit that only closes buckets leaves it where it is, and a store may lose that commit.
   */
  readonly expectedStamp?: string
  readonly meta: PartitionMeta
  readonly writes: readonly BlobWrite[]
  /** When buckets may be deleted, epoch milliseconds. A bucket's last given expiry holds. */
  readonly expiries: readonly { readonly address: BucketAddress; readonly expiresAtMs: number }[]
}

export type CommitOutcome =
  | { readonly kind: 'committed' }
  /** Another writer has claimed the partition since. */
  | { readonly kind: 'stale-epoch'; readonly epoch: number }
  /**
   * The store is not where this writer left it, by offset or stamp: it lost its newest commits, or everything, even
   * the epoch.
   */
  | { readonly kind: 'offset-moved'; readonly offset: number }

export interface BlobRead {
  readonly address: BlobAddress
  /** Which scopes are wanted; without it all. */
  readonly wants?: (scope: string) => boolean
  /** Which versions the reader has already: of those it is told that they hold, and not given the blob again. */
  readonly knows?: (scope: string, version: string) => boolean
}

/** A blob in one version, by where it is. */
export interface BlobVersion {
  readonly address: BlobAddress
  readonly scope: string
  /** Different whenever the blob is: what a reader that caches decoded blobs compares. */
  readonly version: string
}

export interface StoredBlob extends BlobVersion {
  readonly blob: Uint8Array
}

export interface PartitionSnapshot {
  readonly partition: PartitionId
  readonly meta: PartitionMeta
  readonly blobs: readonly StoredBlob[]
  /** What was read of blobs that the reader knows. */
  readonly known: readonly BlobVersion[]
}

/**
 * Where rollups are kept: Redis, or embedded in the process.
 *
 * - One partition has one writer: `claim` raises its epoch, and from then on commits of lower epochs are refused.
 * - `commit` is atomic: all of it or nothing. When it rejects (rather than answering), either may be true: claim again.
 * - `read` sees the state after some commit, never between two. A bucket past its expiry is not seen.
 * - Failures reject with a `StoreError`. `close` is idempotent and drains.
 */
export interface RollupStore {
  claim(partition: PartitionId): Promise<Claim>
  commit(commit: Commit): Promise<CommitOutcome>
  /** Every partition that was ever claimed. */
  partitions(): Promise<readonly PartitionId[]>
  /** The blobs that `plan` names after it has seen the meta of the same state; undefined where nothing was committed. */
  read(
    partition: PartitionId,
    plan: (meta: PartitionMeta) => readonly BlobRead[],
  ): Promise<PartitionSnapshot | undefined>
  close(): Promise<void>
}

export type StoreErrorCode = 'STORE_UNAVAILABLE' | 'STORE_CLOSED' | 'STORE_FORMAT' | 'STORE_FULL'

/** An operational failure of a store. */
export class StoreError extends Error {
  readonly code: StoreErrorCode

  constructor(code: StoreErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'StoreError'
    this.code = code
  }
}
