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
import { begun } from './begun.ts'
import type { Level } from './families.ts'
import type { MergedScope } from './merged-scope.ts'
import type { LabelEncoder } from './label-pieces.ts'
import type { PartitionState } from './own-metrics.ts'
import type { Pace } from './pace.ts'
import type { Progress } from './progress.ts'
import type { SampleWriter } from './sample-writer.ts'
import { ScopeMerge } from './scope-merge.ts'
import { isSelected, type Selection } from './selection.ts'

/** Most scopes, and about the bytes, that are read at once. */
const SCOPES_A_READ = 16
const BYTES_A_READ = 1024 * 1024
/** Partitions that are read at once. */
const PARTITIONS_A_READ = 16

/** What the watermark may lag behind the clock before proxies are taken to be silent. */
const LAG_MS = 10_000

export interface MeshReaderOptions {
  readonly store: Pick<RollupStore, 'partitions' | 'read'>
  readonly selection: Selection
  readonly progress: Progress
  readonly writer: Pick<SampleWriter, keyof LabelEncoder | 'cellOf' | 'showsExemplars' | 'repeatsFamilies'>
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

  /**
   * The label sets of a level, in groups whose families are written one after the other: all in one where a family may not
   * come in several parts, else scope by scope. Resolves once the first is there.
   */
  read(level: Level): Promise<AsyncGenerator<readonly MergedScope[], void>> {
    return begun(this.#groups(level))
  }

  async *#groups(level: Level): AsyncGenerator<readonly MergedScope[], void> {
    const { writer } = this.#options
    const all: MergedScope[] = []
    for await (const scope of this.#merged(level)) {
      if (scope.size === 0) continue
      if (writer.repeatsFamilies) yield [scope]
      else all.push(scope)
    }
    if (all.length > 0) yield all
  }

  async *#merged(level: Level): AsyncGenerator<MergedScope, void> {
    const names = [...this.#scopes.keys()]
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
    let scopes = 1
    for (let i = 0; i < names.length;) {
      const blobs = await this.#blobs(names.slice(i, i + scopes))
      i += scopes
      for (const ofScope of blobs) yield await this.#merge(ofScope, level, admits)
      scopes = scopesToRead(blobs)
    }
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
    try {
      const parts: StatBlob[] = []
      for (const { blob } of blobs) {
        parts.push(new StatBlob(blob))
        await pace.rest()
      }
      const rows = parts.reduce((sum, part) => sum + part.rows, 0)
      const merge = new ScopeMerge(rows, { level, writer, admits })
      for (const part of parts) await pace.run(merge.add(part))
      return await pace.run(merge.finish(this.#recentSince()))
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      throw new StoreError('STORE_FORMAT', `cannot read a rollup: ${error.message}`, { cause: error })
    }
  }

  /** Since when a proxy must have been heard of for its connections to be open, as `stat` has it. */
  #recentSince(): number {
    const nowMs = this.#options.now()
    const newestMs = this.partitions.reduce((newest, { meta }) => Math.max(newest, meta.watermarkMs), 0)
    return Math.min(nowMs, Math.max(newestMs, nowMs - LAG_MS)) - PROXY_FORGOTTEN_MS
  }
}

/** How many scopes to read next, from how large the last ones were. */
function scopesToRead(read: readonly (readonly StoredBlob[])[]): number {
  const bytes = read.flat().reduce((sum, { blob }) => sum + blob.length, 0)
  return Math.min(SCOPES_A_READ, Math.max(1, Math.floor((BYTES_A_READ * read.length) / Math.max(1, bytes))))
}
