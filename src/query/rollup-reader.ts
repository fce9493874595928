import { StatBlob } from '../rollup/stat-blob.ts'
import { bucketStart, FINEST } from '../rollup/tier.ts'
import type { TopBlock } from '../rollup/top-block.ts'
import { decodeTopBlock } from '../rollup/top-block-codec.ts'
import type {
  BlobRead,
  BlobVersion,
  PartitionMeta,
  PartitionSnapshot,
  StoredBlob,
} from '../store/rollup-store.ts'
import type { AnswerBase } from './answer.ts'
import { BlockCache, type CacheStats } from './block-cache.ts'
import type { Label } from './facet.ts'
import { countsInWindow, planReads, planTotals, recentSince } from './plan.ts'
import { RunningTallies, type TallyStats } from './running-tallies.ts'
import { SeriesTable } from './series-table.ts'
import { type Plan, readSources, type Source, type SourceFault, type Survey, survey } from './sources.ts'
import { rebase, type StatColumns, statColumns } from './stat-columns.ts'
import type { Tally } from './tally.ts'
import { blockWithin, keyWithin, storeWithin, type View } from './view.ts'
import { rfc3339, type Span, type Window, windowAnswer, windowAt } from './window.ts'

export interface ReaderOptions {
  readonly sources: readonly Source[]
  /** Epoch milliseconds. */
  readonly now: () => number
  /** Most bytes of decoded blobs, series keys and counts that are kept between queries. */
  readonly cacheBytes: number
  /** Without it everything is seen. */
  readonly view?: View
}

export interface ReadRequest {
  readonly span: Span
  /** See `windowAt`. */
  readonly alignMs?: number
  /** Which scopes, by the names that blobs have. */
  readonly scopes: (scope: string) => boolean
}

/** What every answer says of what it was made from. */
export interface ReadBase {
  readonly window: Window
  readonly survey: Survey
  readonly faults: readonly SourceFault[]
}

/** A block of series, and what it counts for. */
export interface StatRead {
  readonly columns: StatColumns
  readonly scope: string
  readonly startMs: number
  readonly inWindow: boolean
  /** Holds what the last minute's open connections and reporting pods are told from. */
  readonly recent: boolean
}

export interface StatReads extends ReadBase {
  readonly table: SeriesTable
  readonly reads: readonly StatRead[]
}

export interface TopReads extends ReadBase {
  readonly blocks: readonly TopBlock[]
}

/** Counts of what is kept between queries. */
export interface ReaderStats extends CacheStats {
  readonly series: number
  readonly tallies: TallyStats
}

interface CachedStat {
  readonly kind: 'stat'
  readonly columns: StatColumns
  readonly bytes: number
}

interface CachedTop {
  readonly kind: 'top'
  readonly block: TopBlock
  readonly bytes: number
}

/** Bytes of one entry of a top sketch: its objects and text. An estimate. */
const BYTES_A_TOP_ENTRY = 400

/**
 * Reads windows of rollups from all sources, decoding each blob once, and adds them up, each block once a question.
 *
 * Of the cache's bytes 3/8 are for blocks, 1/8 for running tallies of them, and half for the table of series keys that
 * both share. When the table outgrows its half (pods come and go, keys do not leave it), all are started anew, which
 * costs the next query a cold read.
 */
export class RollupReader {
  readonly #options: ReaderOptions
  readonly #sources: readonly Source[]
  readonly #cache: BlockCache<CachedStat | CachedTop>
  /** The blocks in the cache. */
  readonly #kept = new Set<StatColumns>()
  readonly #tallies: RunningTallies
  #table: SeriesTable

  constructor(options: ReaderOptions) {
    this.#options = options
    const { view } = options
    this.#sources =
      view === undefined
        ? options.sources
        : options.sources.map(({ name, store }) => ({ name, store: storeWithin(store, view) }))
    const { cacheBytes, now } = options
    this.#table = this.#newTable()
    this.#tallies = new RunningTallies({
      maxBytes: cacheBytes / 8,
      isKept: (block) => this.#kept.has(block),
      now,
    })
    this.#cache = new BlockCache((3 * cacheBytes) / 8, (cached) => this.#letGo(cached))
  }

  get stats(): ReaderStats {
    return { ...this.#cache.stats, series: this.#table.size, tallies: this.#tallies.stats }
  }

  /** The table that the next read's series are numbered by. */
  get table(): SeriesTable {
    return this.#table
  }

  async readStat(request: ReadRequest): Promise<StatReads> {
    const base = await this.#begin(request)
    const { window, survey } = base
    const held = new Map<string, StatColumns>()
    const plan: Plan = (meta, ...place) =>
      this.#knownStats(planReads(meta, window, { kind: 'stat', scopes: request.scopes }), place, held)
    const { values, faults } = await readSources(survey, plan, (source, partitions) =>
      flatMapBlobs(partitions, (partition, meta, blob): StatRead[] => {
        if (blob.address.kind !== 'stat') return []
        const { tier, startMs } = blob.address
        const inWindow = countsInWindow(window, meta, tier, startMs)
        const recent = tier === FINEST.name && startMs >= bucketStart(FINEST, recentSince(window))
        if (!inWindow && !recent) return []
        const columns = this.#stat(source, partition, blob, held)
        return [{ columns, scope: blob.scope, startMs, inWindow, recent }]
      }),
    )
    this.#renewTable()
    const table = this.#table
    // Another query may have renewed the table while this one was reading.
    const reads = byScope(values.flat()).map((read) =>
      read.columns.table === table ? read : { ...read, columns: rebase(read.columns, table) },
    )
    return { ...base, faults, table, reads }
  }

  async readTop(request: ReadRequest): Promise<TopReads> {
    const base = await this.#begin(request)
    const { window, survey } = base
    const plan: Plan = (meta) => planReads(meta, window, { kind: 'top', scopes: request.scopes })
    const { values, faults } = await readSources(survey, plan, (source, partitions) =>
      flatMapBlobs(partitions, (partition, meta, blob): TopBlock[] => {
        if (blob.address.kind !== 'top') return []
        const { tier, startMs } = blob.address
        if (!('blob' in blob) || !countsInWindow(window, meta, tier, startMs)) return []
        return [this.#top(source, partition, blob)]
      }),
    )
    return { ...base, faults, blocks: values.flat() }
  }

  /** The running totals as of now, by the numbers of `table`. A source that fails is left out. */
  async readTotals(
    survey: Survey,
    table: SeriesTable,
    scopes: (scope: string) => boolean,
  ): Promise<readonly StatColumns[]> {
    const held = new Map<string, StatColumns>()
    const plan: Plan = (meta, ...place) => this.#knownStats(planTotals(meta, scopes), place, held)
    const { values } = await readSources(survey, plan, (source, partitions) =>
      flatMapBlobs(partitions, (partition, _meta, blob) => [this.#stat(source, partition, blob, held)]),
    )
    return values.flat().map((columns) => rebase(columns, table))
  }

  /**
   * Adds the window's requests up by the rows of an answer. What is the same `question` (the same rows, of windows of
   * the same length) is added up once: see `RunningTally`.
   */
  tally(question: string, read: StatReads, slotOf: Int32Array, labels: readonly Label[]): Tally {
    return this.#tallies.tally(question, { table: read.table, blocks: blocksInWindow(read), slotOf, labels })
  }

  async #begin(request: ReadRequest): Promise<ReadBase> {
    const found = await survey(this.#sources)
    const window = windowAt(this.#options.now(), found.newestMs ?? 0, request.span, request.alignMs)
    return { window, survey: found, faults: found.faults }
  }

  /** Reads that leave out what is cached, which is put into `held`: by the time it is wanted it may be evicted. */
  #knownStats(
    reads: readonly BlobRead[],
    [source, partition]: readonly [source: string, partition: string],
    held: Map<string, StatColumns>,
  ): BlobRead[] {
    return reads.map((read) => ({
      ...read,
      knows: (scope, version) => {
        const key = cacheKey(source, partition, { address: read.address, scope })
        const cached = this.#cache.get(key, version)
        if (cached?.kind !== 'stat' || cached.columns.table !== this.#table) return false
        held.set(key, cached.columns)
        return true
      },
    }))
  }

  #stat(
    source: string,
    partition: string,
    found: BlobVersion | StoredBlob,
    held: ReadonlyMap<string, StatColumns>,
  ): StatColumns {
    const key = cacheKey(source, partition, found)
    if (!('blob' in found)) return held.get(key)!
    const place = `${source}\u0000${partition}\u0000${found.scope}`
    const columns = statColumns(new StatBlob(found.blob), this.#table, place)
    this.#kept.add(columns)
    this.#cache.set(key, found.version, { kind: 'stat', columns, bytes: columns.bytes })
    return columns
  }

  #top(source: string, partition: string, blob: StoredBlob): TopBlock {
    const key = cacheKey(source, partition, blob)
    const cached = this.#cache.get(key, blob.version)
    if (cached?.kind === 'top') return cached.block
    const { view } = this.#options
    const whole = decodeTopBlock(blob.blob)
    const block = view === undefined ? whole : blockWithin(whole, view)
    const entries = block.sketches.reduce((sum, sketch) => sum + 1 + sketch.entries.length, 0)
    this.#cache.set(key, blob.version, { kind: 'top', block, bytes: entries * BYTES_A_TOP_ENTRY })
    return block
  }

  #letGo(cached: CachedStat | CachedTop): void {
    if (cached.kind !== 'stat') return
    this.#kept.delete(cached.columns)
    this.#tallies.forget(cached.columns)
  }

  #newTable(): SeriesTable {
    const { view } = this.#options
    return view === undefined ? new SeriesTable() : new SeriesTable((key) => keyWithin(key, view))
  }

  #renewTable(): void {
    if (this.#table.bytes <= this.#options.cacheBytes / 2) return
    this.#table = this.#newTable()
    this.#cache.clear()
    this.#kept.clear()
    this.#tallies.clear()
  }
}

export function blocksInWindow({ reads }: StatReads): StatColumns[] {
  return reads.filter(({ inWindow }) => inWindow).map(({ columns }) => columns)
}

/** Those of the window, and of the last minute. */
export function allBlocks({ reads }: StatReads): StatColumns[] {
  return reads.map(({ columns }) => columns)
}

/** What an answer says of its window and of what it lacks. */
export function answerBase({ window, survey, faults }: ReadBase): AnswerBase {
  return {
    window: windowAnswer(window),
    watermark: survey.oldestMs === undefined ? null : rfc3339(survey.oldestMs),
    partial: faults,
  }
}

/** Reads of one scope one after the other: they add to the same rows, which so stay in the processor's cache. */
function byScope(reads: readonly StatRead[]): StatRead[] {
  const scopes = new Map<string, StatRead[]>()
  for (const read of reads) {
    const known = scopes.get(read.scope)
    if (known === undefined) scopes.set(read.scope, [read])
    else known.push(read)
  }
  return [...scopes.values()].flat()
}

function flatMapBlobs<T>(
  partitions: readonly PartitionSnapshot[],
  of: (partition: string, meta: PartitionMeta, blob: BlobVersion | StoredBlob) => readonly T[],
): T[] {
  return partitions.flatMap(({ partition, meta, blobs, known }) =>
    [...known, ...blobs].flatMap((blob) => of(partition, meta, blob)),
  )
}

function cacheKey(
  source: string,
  partition: string,
  { address, scope }: Pick<BlobVersion, 'address' | 'scope'>,
): string {
  const place = address.kind === 'total' ? 'total' : `${address.kind}:${address.tier}:${address.startMs}`
  return `${source}\u0000${partition}\u0000${place}\u0000${scope}`
}
