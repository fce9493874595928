import type { Label } from './facet.ts'
import { addLatencies, type LatencyCounts, latencyRange, takeQuantiles } from './latency-counts.ts'
import type { SeriesTable } from './series-table.ts'
import type { StatColumns } from './stat-columns.ts'
import { addSums, emptyTally, type Tally } from './tally.ts'

/** Bytes of a row besides its counts of latencies: its sums, its label's text and place in a map. An estimate. */
const BYTES_A_ROW = 200
/** Bytes of knowing that a block is counted. An estimate. */
const BYTES_A_BLOCK = 50

/** What an answer is made of: blocks of one table, which series counts in which row, and the rows. */
export interface Tallied {
  readonly table: SeriesTable
  readonly blocks: readonly StatColumns[]
  readonly slotOf: Int32Array
  readonly labels: readonly Label[]
}

/** Rows that there is room for, over those that are needed. */
const SPARE = 1.25

/** Memory that a tally of an answer begins with. */
export function tallyBytes({ table, blocks, labels }: Tallied): number {
  const { lowest, highest } = latencyRange(blocks)
  const row = 8 * Math.max(0, highest - lowest + 1) + BYTES_A_ROW
  return labels.length * row + blocks.length * BYTES_A_BLOCK + 4 * table.size
}

/**
 * What one question's rows count, kept from one answer to the next: of blocks, only those that came or went since are
 * added or taken away, of series only those that moved to another row. All counts are whole numbers below 2^53, so
 * what remains is exactly what adding up anew would give (test/query/running-tally.test.ts).
 *
 * A block can only be taken away while it is there, so its owner tells with `forget` that it lets go of one.
 */
export class RunningTally {
  readonly table: SeriesTable
  /** By label id: this tally's own numbers of rows, which stay where answers number theirs anew. */
  readonly #slots = new Map<string, number>()
  readonly #blocks = new Set<StatColumns>()
  #slotOf = new Int32Array(0)
  #sums = emptyTally(0)
  #dense: LatencyCounts = { counts: new Float64Array(0), first: 0, end: 0, lowest: 0, width: 0 }
  /** Rows whose quantiles are not those of their counts. */
  #isStale = new Uint8Array(0)
  #bytes = 0

  constructor(table: SeriesTable) {
    this.table = table
  }

  /** Memory held since the last update, the blocks left out. */
  get bytes(): number {
    return this.#bytes
  }

  /** Rows held: those of past answers too, which count nothing now. */
  get rows(): number {
    return this.#slots.size
  }

  /** Blocks that are counted now. */
  get blocks(): number {
    return this.#blocks.size
  }

  /** What `tally` would give. Blocks that are not `isKept` do not stay in it. */
  update({ blocks, slotOf, labels }: Tallied, isKept: (block: StatColumns) => boolean): Tally {
    const own = Int32Array.from(labels, ({ id }) => this.#slot(id))
    const wanted = new Set(blocks)
    for (const block of this.#blocks) if (!wanted.has(block)) this.forget(block)
    this.#reserve(blocks)
    this.#select(slotOf.map((slot) => (slot < 0 ? -1 : own[slot]!)))
    for (const block of blocks) {
      if (this.#blocks.has(block)) continue
      this.#blocks.add(block)
      this.#apply(block, this.#slotOf, 1)
    }
    const { counts, end } = this.#dense
    this.#bytes =
      counts.byteLength + end * BYTES_A_ROW + this.#slotOf.byteLength + blocks.length * BYTES_A_BLOCK
    const answer = this.#take(own)
    for (const block of blocks) if (!isKept(block)) this.forget(block)
    return answer
  }

  /** Takes a block away where it is counted. */
  forget(block: StatColumns): void {
    if (this.#blocks.delete(block)) this.#apply(block, this.#slotOf, -1)
  }

  #slot(id: string): number {
    let slot = this.#slots.get(id)
    if (slot === undefined) this.#slots.set(id, (slot = this.#slots.size))
    return slot
  }

  /** Sets in which row each series counts from now on; those of blocks already counted move there. */
  #select(next: Int32Array<ArrayBuffer>): void {
    const before = this.#slotOf
    this.#slotOf = next
    let leaving: Int32Array | undefined
    let coming: Int32Array | undefined
    for (let series = 0; series < before.length; series++) {
      if (before[series] === next[series]) continue
      leaving ??= new Int32Array(next.length).fill(-1)
      coming ??= new Int32Array(next.length).fill(-1)
      leaving[series] = before[series]!
      coming[series] = next[series]!
    }
    if (leaving === undefined || coming === undefined) return
    for (const block of this.#blocks) {
      this.#apply(block, leaving, -1)
      this.#apply(block, coming, 1)
    }
  }

  #apply(block: StatColumns, slotOf: Int32Array, sign: 1 | -1): void {
    const { least, greatest } = addSums(this.#sums, block, slotOf, sign)
    if (greatest < 0) return
    addLatencies(this.#dense, block, slotOf, sign)
    this.#isStale.fill(1, least, greatest + 1)
  }

  /** The counts by the rows of an answer, whose numbers here are `own`. */
  #take(own: Int32Array): Tally {
    const { requests, failures, tlsKnown, tls, quantiles } = this.#sums
    const answer = emptyTally(own.length)
    for (let slot = 0; slot < own.length; slot++) {
      const from = own[slot]!
      if (this.#isStale[from] === 1) {
        takeQuantiles(quantiles, from, requests[from]!, this.#dense)
        this.#isStale[from] = 0
      }
      answer.requests[slot] = requests[from]!
      answer.failures[slot] = failures[from]!
      answer.tlsKnown[slot] = tlsKnown[from]!
      answer.tls[slot] = tls[from]!
      for (let i = 0; i < 3; i++) answer.quantiles[3 * slot + i] = quantiles[3 * from + i]!
    }
    return answer
  }

  /** Makes room for all rows and for the buckets of blocks to come. */
  #reserve(blocks: readonly StatColumns[]): void {
    const rows = this.#slots.size
    const dense = this.#dense
    const { lowest, width } = covering(dense, latencyRange(blocks))
    if (rows <= dense.end && width === dense.width) return
    const end = rows <= dense.end ? dense.end : Math.max(rows, Math.ceil(SPARE * dense.end))
    const counts = new Float64Array(end * width)
    for (let slot = 0; dense.width > 0 && slot < dense.end; slot++) {
      const row = dense.counts.subarray(slot * dense.width, (slot + 1) * dense.width)
      counts.set(row, slot * width + dense.lowest - lowest)
    }
    this.#dense = { counts, first: 0, end, lowest, width }
    if (end > dense.end) this.#growSums(end)
  }

  #growSums(rows: number): void {
    const sums = emptyTally(rows)
    for (const name of Object.keys(sums) as (keyof Tally)[]) sums[name].set(this.#sums[name])
    this.#sums = sums
    const isStale = new Uint8Array(rows)
    isStale.set(this.#isStale)
    this.#isStale = isStale
  }
}

/** The buckets of counts and of a range together. */
function covering(
  counts: Pick<LatencyCounts, 'lowest' | 'width'>,
  { lowest, highest }: { readonly lowest: number; readonly highest: number },
): Pick<LatencyCounts, 'lowest' | 'width'> {
  if (highest < lowest) return counts
  if (counts.width === 0) return { lowest, width: highest - lowest + 1 }
  const least = Math.min(counts.lowest, lowest)
  return { lowest: least, width: Math.max(counts.lowest + counts.width, highest + 1) - least }
}
