import type { PartitionId } from '../log/event-log.ts'
import { planTotals } from '../query/plan.ts'
import { DecodeError } from '../event/decode-error.ts'
import { StatBlob } from '../rollup/stat-blob.ts'
import { PROXY_FORGOTTEN_MS } from '../rollup/tier.ts'
import {
  type PartitionSnapshot,
  type RollupStore,
  type StoredBlob,
  StoreError,
} from '../store/rollup-store.ts'
import type { Level } from './families.ts'
import { type MergedScope, ScopeMerge } from './merged-scope.ts'
import type { PartitionState } from './own-metrics.ts'
import type { Pace } from './pace.ts'
import type { Progress } from './progress.ts'
import type { SampleWriter } from './sample-writer.ts'
import { isSelected, type Selection } from './selection.ts'

/** Scopes that are read at once. */
const SCOPES_A_READ = 4
/** Partitions that are read at once. */
const PARTITIONS_A_READ = 16

/** What the watermark may lag behind the clock before proxies are taken to be silent. */
const LAG_MS = 10_000

export interface MeshReaderOptions {
  readonly store: Pick<RollupStore, 'partitions' | 'read'>
  readonly selection: Selection
  readonly progress: Progress
  readonly writer: Pick<SampleWriter, 'pair' | 'cellOf'>
  readonly pace: Pace
  /** Label sets of one level that are kept; what is beyond them is counted and left out. */
  readonly maxSeries: number
  /** Epoch milliseconds. */
  readonly now: () => number
}

/** Reads running totals, open buckets included, and adds them up by label set. */
export class MeshReader {
  readonly #options: MeshReaderOptions
  /** The partitions that have each scope. */
  readonly #scopes: ReadonlyMap<string, ReadonlySet<PartitionId>>
  readonly partitions: readonly PartitionState[]
  #series = 0
  #limited = 0

  private constructor(
    options: MeshReaderOptions,
    partitions: readonly PartitionState[],
    scopes: ReadonlyMap<string, ReadonlySet<PartitionId>>,
  ) {
    this.#options = options
    this.partitions = partitions
    this.#scopes = scopes
  }

  /** Rejects with a `StoreError`, or with a `RewoundError` where counters would fall. */
  static async open(options: MeshReaderOptions): Promise<MeshReader> {
    const { store, selection, progress, now } = options
    const listed = await store.partitions()
    for (const gone of progress.partitions) if (!listed.includes(gone)) progress.check(gone, 0, now())
    const scopes = new Map<string, Set<PartitionId>>()
    const partitions: PartitionState[] = []
    for (const partition of listed.toSorted()) {
      const wants = (scope: string) => {
        if (!isSelected(scope, selection)) return false
        const having = scopes.get(scope)
        if (having === undefined) scopes.set(scope, new Set([partition]))
        else having.add(partition)
        return false
      }
      const snapshot = await store.read(partition, (meta) => planTotals(meta, wants))
      progress.check(partition, snapshot?.meta.offset ?? 0, now())
      if (snapshot !== undefined) partitions.push({ partition, meta: snapshot.meta })
      await options.pace.rest()
    }
    const sorted = [...scopes].sort(([a], [b]) => (a < b ? -1 : 1))
    return new MeshReader(options, partitions, new Map(sorted))
  }

  /** Label sets read so far, and how many times one more was refused. */
  get counts(): { readonly series: number; readonly limited: number } {
    return { series: this.#series, limited: this.#limited }
  }

  async read(level: Level): Promise<readonly MergedScope[]> {
    const names = [...this.#scopes.keys()]
    const merged: MergedScope[] = []
    let left = this.#options.maxSeries
    const admits = () => {
      if (left === 0) {
        this.#limited++
        return false
      }
      left--
      this.#series++
      return true
    }
    for (let i = 0; i < names.length; i += SCOPES_A_READ) {
      const blobs = await this.#blobs(names.slice(i, i + SCOPES_A_READ))
      for (const ofScope of blobs) {
        const scope = await this.#merge(ofScope, level, admits)
        if (scope.size > 0) merged.push(scope)
      }
    }
    return merged
  }

  /** The blobs of some scopes, each scope's from all partitions. */
  async #blobs(names: readonly string[]): Promise<readonly StoredBlob[][]> {
    const blobs = new Map<string, StoredBlob[]>(names.map((name) => [name, []]))
    const having = [...new Set(names.flatMap((name) => [...(this.#scopes.get(name) ?? [])]))]
    for (let i = 0; i < having.length; i += PARTITIONS_A_READ) {
      const reads: Promise<PartitionSnapshot | undefined>[] = []
      for (const partition of having.slice(i, i + PARTITIONS_A_READ)) {
        const read = this.#read(partition, (scope) => blobs.has(scope))
        // It is waited for later, and must not look forgotten until then.
        read.catch(() => undefined)
        reads.push(read)
        // An embedded store reads at once; one behind a network is asked for all together.
        await this.#options.pace.rest()
      }
      for (const blob of (await Promise.all(reads)).flatMap((snapshot) => snapshot?.blobs ?? [])) {
        blobs.get(blob.scope)!.push(blob)
      }
    }
    return [...blobs.values()]
  }

  async #read(
    partition: PartitionId,
    scopes: (scope: string) => boolean,
  ): Promise<PartitionSnapshot | undefined> {
    const { store, progress, now } = this.#options
    const snapshot = await store.read(partition, (meta) => planTotals(meta, scopes))
    progress.check(partition, snapshot?.meta.offset ?? 0, now())
    return snapshot
  }

  async #merge(blobs: readonly StoredBlob[], level: Level, admits: () => boolean): Promise<MergedScope> {
    const { writer, pace } = this.#options
    const merge = new ScopeMerge({ level, pair: writer.pair, cellOf: writer.cellOf, admits })
    try {
      for (const { blob } of blobs) await pace.run(merge.add(new StatBlob(blob)))
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      throw new StoreError('STORE_FORMAT', `cannot read a rollup: ${error.message}`, { cause: error })
    }
    return pace.run(merge.finish(this.#recentSince()))
  }

  /** Since when a proxy must have been heard of for its connections to be open, as `stat` has it. */
  #recentSince(): number {
    const nowMs = this.#options.now()
    const newestMs = this.partitions.reduce((newest, { meta }) => Math.max(newest, meta.watermarkMs), 0)
    return Math.min(nowMs, Math.max(newestMs, nowMs - LAG_MS)) - PROXY_FORGOTTEN_MS
  }
}
