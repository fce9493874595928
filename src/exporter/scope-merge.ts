import { DecodeError } from '../event/decode-error.ts'
import { Exemplars } from '../rollup/exemplars.ts'
import type { KeyColumns, SparseCounts, StatBlob } from '../rollup/stat-blob.ts'
import type { OutcomeKey } from '../rollup/stat-block.ts'
import { ByteBuffer } from './byte-buffer.ts'
import type { Level } from './families.ts'
import { LabelPieces, PIECES } from './label-pieces.ts'
import { type LabelSets, LabelSetTable } from './label-sets.ts'
import type { MergedConnections, MergedExemplars, MergedScope } from './merged-scope.ts'
import { OpenConnections } from './open-connections.ts'
import { PieceTable } from './piece-table.ts'
import type { SampleWriter } from './sample-writer.ts'

/** Rows between two points where a merge may rest: a tenth of a millisecond. */
const ROWS_A_STEP = 64

export interface MergeOptions {
  readonly level: Level
  readonly writer: Pick<SampleWriter, 'pair' | 'plainPair' | 'cellOf' | 'showsExemplars'>
  /** Most label sets; asked for each new one. */
  readonly admits: () => boolean
}

/** What a blob adds, until all of them are there. */
interface Part {
  /** The number of its first row. */
  readonly offset: number
  /** The scope's number of each of its outcomes. */
  readonly outcomeOf: readonly number[]
  readonly outcomes: SparseCounts
  readonly latencies: SparseCounts
  readonly latencySumMicros: Float64Array
  readonly firstMs: Float64Array
}

/**
 * Adds up the blobs of a scope by label set: the totals and open buckets of all partitions.
 *
 * Rows are first chained by their label set, and then each chain is added up and written compactly, so that no counts of many
 * label sets are held that wait for more. Generators rest after each small step.
 */
export class ScopeMerge {
  readonly #options: MergeOptions
  readonly #pieces = new PieceTable()
  readonly #sets: LabelSetTable
  /** Number plus one of the last row of each label set, and of the one before each row; 0 where there is none. */
  readonly #last: Int32Array
  readonly #previous: Int32Array
  readonly #partOf: Uint32Array
  readonly #parts: Part[] = []
  #rows = 0
  readonly #outcomes: OutcomeKey[] = []
  readonly #outcomeNumbers = new Map<string, number>()
  readonly #exemplars = new Exemplars()
  readonly #open = new OpenConnections()
  #connections: Omit<MergedConnections, 'open'> | undefined

  /** `rows`: of all blobs together. */
  constructor(rows: number, options: MergeOptions) {
    this.#options = options
    this.#sets = new LabelSetTable(PIECES[options.level], rows)
    this.#last = new Int32Array(rows)
    this.#previous = new Int32Array(rows)
    this.#partOf = new Uint32Array(rows)
  }

  *add(blob: StatBlob): Generator<undefined, void> {
    const { level, writer, admits } = this.#options
    const keys = yield* blob.keyColumnsGradually()
    const outcomes = yield* blob.outcomeCountsGradually()
    const connections = level === 'workload' ? connectionColumns(blob) : undefined
    const exemplars = writer.showsExemplars ? blob.exemplars() : undefined
    let exemplar = 0
    const pieces = new LabelPieces(keys, level, writer, this.#pieces)
    const ids = new Uint32Array(PIECES[level])
    const offset = this.#rows
    for (let row = 0; row < blob.rows; row++) {
      if (row % ROWS_A_STEP === 0) yield
      const hasExemplar = exemplars?.row[exemplar] === row
      if (hasExemplar) exemplar++
      const isConnected = connections?.isReported(row) === true
      if (outcomes.start[row] === outcomes.start[row + 1] && !isConnected) continue
      pieces.read(row, ids)
      const set = this.#sets.slot(ids, admits)
      if (set < 0) continue
      this.#previous[offset + row] = this.#last[set]!
      this.#last[set] = offset + row + 1
      this.#partOf[offset + row] = this.#parts.length
      if (hasExemplar) this.#exemplars.offerFrom(set, exemplars, exemplar - 1)
      if (isConnected) this.#addConnections(set, keys, row, connections)
    }
    this.#rows += blob.rows
    this.#parts.push({
      offset,
      outcomeOf: blob.outcomes().map((outcome) => this.#outcome(outcome)),
      outcomes,
      latencies: yield* blob.latencyStepsGradually(),
      latencySumMicros: yield* blob.sumGradually('latencySumMicros'),
      firstMs: yield* blob.sumGradually('firstMs'),
    })
  }

  /** `sinceMs`: proxies not heard of since then are forgotten, and their open connections with them. */
  *finish(sinceMs: number): Generator<undefined, MergedScope> {
    const { size } = this.#sets
    const latencySumMicros = new Float64Array(size)
    const firstMs = new Float64Array(size).fill(Number.POSITIVE_INFINITY)
    const outcomes = new CountsWriter(this.#outcomes.length, this.#cellsOf('outcomes'), size)
    const latencies = new LatencyWriter(this.#options.writer.cellOf, size)
    let step = 0
    for (let set = 0; set < size; set++) {
      for (let at = this.#last[set]!; at > 0; at = this.#previous[at - 1]!) {
        if (step++ % ROWS_A_STEP === 0) yield
        const part = this.#parts[this.#partOf[at - 1]!]!
        const row = at - 1 - part.offset
        latencySumMicros[set]! += part.latencySumMicros[row]!
        if (part.firstMs[row]! < firstMs[set]!) firstMs[set] = part.firstMs[row]!
        outcomes.add(part.outcomes, row, part.outcomeOf)
        latencies.add(part.latencies, row)
      }
      outcomes.end(set)
      latencies.end(set)
    }
    yield
    const exemplars = this.#mergedExemplars(size)
    yield
    const labels: LabelSets = this.#sets.finish(this.#pieces.pieces)
    yield
    const counts = outcomes.finish()
    yield
    const latency = latencies.finish()
    yield
    return {
      size,
      labels,
      outcomes: this.#outcomes,
      ...counts,
      ...latency,
      latencySumMicros,
      firstMs,
      exemplars,
      connections: this.#mergedConnections(size, sinceMs),
    }
  }

  #outcome({ status, grpcStatus, classification }: OutcomeKey): number {
    const id = `${status}/${grpcStatus}/${classification}`
    let number = this.#outcomeNumbers.get(id)
    if (number === undefined) {
      number = this.#outcomes.push({ status, grpcStatus, classification, reason: '' }) - 1
      this.#outcomeNumbers.set(id, number)
    }
    return number
  }

  #cellsOf(column: 'outcomes' | 'latencies'): number {
    return this.#parts.reduce((sum, part) => sum + part[column].count.length, 0)
  }

  #addConnections(set: number, keys: KeyColumns, row: number, from: ConnectionColumns): void {
    const column = () => new Float64Array(this.#last.length)
    const sums = (this.#connections ??= {
      isReported: new Uint8Array(this.#last.length),
      opened: column(),
      closed: column(),
      readBytes: column(),
      writtenBytes: column(),
    })
    sums.isReported[set] = 1
    sums.opened[set]! += from.opened[row]!
    sums.closed[set]! += from.closed[row]!
    sums.readBytes[set]! += from.readBytes[row]!
    sums.writtenBytes[set]! += from.writtenBytes[row]!
    this.#open.add(set, keys, row, from)
  }

  #mergedConnections(size: number, sinceMs: number): MergedConnections | undefined {
    if (this.#connections === undefined) return undefined
    const { isReported, opened, closed, readBytes, writtenBytes } = this.#connections
    return {
      isReported: isReported.slice(0, size),
      opened: opened.slice(0, size),
      closed: closed.slice(0, size),
      readBytes: readBytes.slice(0, size),
      writtenBytes: writtenBytes.slice(0, size),
      open: this.#open.bySlot(size, sinceMs),
    }
  }

  #mergedExemplars(size: number): MergedExemplars | undefined {
    if (this.#exemplars.isEmpty) return undefined
    const columns = this.#exemplars.of(Array.from({ length: size }, (_, set) => set))
    if (columns.row.length === 0) return undefined
    const at = new Int32Array(size).fill(-1)
    columns.row.forEach((set, place) => (at[set] = place))
    return { ...columns, at }
  }
}

/** Adds up the outcomes of one label set after the other. */
class CountsWriter {
  readonly #sums: Float64Array
  readonly #used: number[] = []
  readonly #start: Uint32Array
  readonly #index: Uint32Array
  readonly #count: Float64Array
  #at = 0

  /** `cells`: most that are written, of `size` label sets. */
  constructor(outcomes: number, cells: number, size: number) {
    this.#start = new Uint32Array(size + 1)
    this.#sums = new Float64Array(outcomes)
    this.#index = new Uint32Array(cells)
    this.#count = new Float64Array(cells)
  }

  add({ start, index, count }: SparseCounts, row: number, outcomeOf: readonly number[]): void {
    for (let i = start[row]!; i < start[row + 1]!; i++) {
      const outcome = outcomeOf[index[i]!]
      if (outcome === undefined) throw new DecodeError('index', `outcome ${index[i]!}`, 'is beyond the table')
      if (this.#sums[outcome] === 0) this.#used.push(outcome)
      this.#sums[outcome]! += count[i]!
    }
  }

  end(set: number): void {
    for (const outcome of this.#used) {
      this.#index[this.#at] = outcome
      this.#count[this.#at++] = this.#sums[outcome]!
      this.#sums[outcome] = 0
    }
    this.#used.length = 0
    this.#start[set + 1] = this.#at
  }

  finish(): Pick<MergedScope, 'outcomeStart' | 'outcomeIndex' | 'outcomeCount'> {
    return {
      outcomeStart: this.#start,
      outcomeIndex: this.#index.slice(0, this.#at),
      outcomeCount: this.#count.slice(0, this.#at),
    }
  }
}

/** Adds up the latencies of one label set after the other. */
class LatencyWriter {
  readonly #cellOf: Uint16Array
  readonly #sums: Float64Array
  #least = Number.POSITIVE_INFINITY
  #most = 0
  readonly #bytes: ByteBuffer
  readonly #start: Uint32Array

  constructor(cellOf: Uint16Array, size: number) {
    this.#cellOf = cellOf
    this.#sums = new Float64Array(cellOf.length)
    this.#bytes = new ByteBuffer(32 * size + 16)
    this.#start = new Uint32Array(size + 1)
  }

  add({ start, index, count }: SparseCounts, row: number): void {
    const cellOf = this.#cellOf
    const sums = this.#sums
    let bucket = 0
    for (let i = start[row]!; i < start[row + 1]!; i++) {
      bucket += index[i]!
      const cell = cellOf[bucket]
      if (cell === undefined)
        throw new DecodeError('index', `latency bucket ${bucket}`, 'is beyond the sketch')
      sums[cell]! += count[i]!
      if (cell < this.#least) this.#least = cell
      if (cell > this.#most) this.#most = cell
    }
  }

  end(set: number): void {
    const bytes = this.#bytes
    let last = 0
    for (let cell = this.#least; cell <= this.#most; cell++) {
      const count = this.#sums[cell]!
      if (count === 0) continue
      bytes.varint(cell - last)
      bytes.varint(count)
      last = cell
      this.#sums[cell] = 0
    }
    this.#least = Number.POSITIVE_INFINITY
    this.#most = 0
    this.#start[set + 1] = bytes.length
  }

  finish(): Pick<MergedScope, 'latencies' | 'latencyStart'> {
    return { latencies: Buffer.from(this.#bytes.written), latencyStart: this.#start }
  }
}

const CONNECTION_SUMS = ['opened', 'closed', 'openAtMs', 'readBytes', 'writtenBytes'] as const

interface ConnectionColumns extends Readonly<
  Record<(typeof CONNECTION_SUMS)[number] | 'open' | 'lastMs', Float64Array>
> {
  readonly isReported: (row: number) => boolean
}

/** The columns of connections; undefined where a blob has none, as most. */
function connectionColumns(blob: StatBlob): ConnectionColumns | undefined {
  if (!CONNECTION_SUMS.some((name) => blob.has(name))) return undefined
  const columns = {
    opened: blob.sum('opened'),
    closed: blob.sum('closed'),
    open: blob.sum('open'),
    openAtMs: blob.sum('openAtMs'),
    readBytes: blob.sum('readBytes'),
    writtenBytes: blob.sum('writtenBytes'),
    lastMs: blob.sum('lastMs'),
  }
  return { ...columns, isReported: (row) => CONNECTION_SUMS.some((name) => columns[name][row]! > 0) }
}
