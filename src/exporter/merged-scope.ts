import { Latencies } from '../rollup/latencies.ts'
import { OutcomeCounts } from '../rollup/outcome-counts.ts'
import type { StatBlob } from '../rollup/stat-blob.ts'
import type { OutcomeKey } from '../rollup/stat-block.ts'
import { ByteBuffer } from './byte-buffer.ts'
import type { Level } from './families.ts'
import { LabelPieces, type PairEncoder } from './label-pieces.ts'
import { OpenConnections } from './open-connections.ts'

/** Rows between two points where a merge may rest. */
const ROWS_A_STEP = 128

/** The series of a scope by their labels: what lines are written from. Row `i` is label set `i`. */
export interface MergedScope {
  readonly size: number
  /** Encoded label sets, one after the other. */
  readonly labels: Buffer
  readonly labelStart: Uint32Array
  readonly requests: Float64Array
  readonly outcomes: readonly OutcomeKey[]
  readonly outcomeStart: Uint32Array
  readonly outcomeIndex: Uint32Array
  readonly outcomeCount: Float64Array
  /** By the cells of the format, ascending. */
  readonly latencyStart: Uint32Array
  readonly latencyIndex: Uint16Array
  readonly latencyCount: Float64Array
  readonly latencySumMicros: Float64Array
  readonly firstMs: Float64Array
  readonly connections: MergedConnections | undefined
}

export interface MergedConnections {
  /** 1 where any were reported. */
  readonly isReported: Uint8Array
  readonly opened: Float64Array
  readonly closed: Float64Array
  readonly readBytes: Float64Array
  readonly writtenBytes: Float64Array
  /** NaN where it is not known. */
  readonly open: Float64Array
}

export interface MergeOptions {
  readonly level: Level
  readonly pair: PairEncoder
  /** The cell that a histogram's bucket counts in. */
  readonly cellOf: Uint16Array
  /** Most label sets; asked for each new one. */
  readonly admits: () => boolean
}

/**
 * Adds up the blobs of a scope by label set: the totals and open buckets of all partitions. Work is done in steps of at
 * most about a millisecond, after each of which the generators may rest.
 */
export class ScopeMerge {
  readonly #options: MergeOptions
  readonly #slots = new Map<string, number>()
  readonly #labels = new ByteBuffer(4096)
  readonly #labelStart: number[] = [0]
  readonly #outcomes = new OutcomeCounts()
  readonly #latencies = new Latencies()
  readonly #open = new OpenConnections()
  readonly #sums = {
    latencySumMicros: [] as number[],
    firstMs: [] as number[],
    opened: [] as number[],
    closed: [] as number[],
    readBytes: [] as number[],
    writtenBytes: [] as number[],
    isReported: [] as number[],
  }

  constructor(options: MergeOptions) {
    this.#options = options
  }

  *add(blob: StatBlob): Generator<undefined, void> {
    const { level, pair, cellOf } = this.#options
    const keys = blob.keyColumns()
    const pieces = new LabelPieces(keys, level, pair)
    const outcomeOf = blob.outcomes().map((outcome) => this.#outcomes.index({ ...outcome, reason: '' }))
    const outcomes = blob.outcomeCounts()
    yield
    const latencies = blob.latencySteps()
    yield
    const latencySum = blob.sum('latencySumMicros')
    const firstMs = blob.sum('firstMs')
    const connections = level === 'workload' ? connectionColumns(blob) : undefined
    const sums = this.#sums
    // At once, rather than by copying again and again.
    this.#latencies.reserve(this.#slots.size + blob.rows)
    this.#outcomes.reserve(this.#slots.size + blob.rows)
    for (let row = 0; row < blob.rows; row++) {
      if (row % ROWS_A_STEP === 0) yield
      const hasRequests = outcomes.start[row] !== outcomes.start[row + 1]
      const isConnected = connections !== undefined && connections.isReported(row)
      if (!hasRequests && !isConnected) continue
      const slot = this.#slot(pieces, row)
      if (slot < 0) continue
      if (firstMs[row]! < sums.firstMs[slot]!) sums.firstMs[slot] = firstMs[row]!
      for (let i = outcomes.start[row]!; i < outcomes.start[row + 1]!; i++) {
        this.#outcomes.add(slot, outcomeOf[outcomes.index[i]!]!, outcomes.count[i]!)
      }
      let bucket = 0
      for (let i = latencies.start[row]!; i < latencies.start[row + 1]!; i++) {
        bucket += latencies.index[i]!
        this.#latencies.add(slot, cellOf[bucket]!, latencies.count[i]!)
      }
      sums.latencySumMicros[slot]! += latencySum[row]!
      if (!isConnected) continue
      sums.isReported[slot] = 1
      sums.opened[slot]! += connections.opened[row]!
      sums.closed[slot]! += connections.closed[row]!
      sums.readBytes[slot]! += connections.readBytes[row]!
      sums.writtenBytes[slot]! += connections.writtenBytes[row]!
      this.#open.add(slot, keys, row, connections)
    }
  }

  /** `sinceMs`: proxies not heard of since then are forgotten, and their open connections with them. */
  *finish(sinceMs: number): Generator<undefined, MergedScope> {
    const size = this.#labelStart.length - 1
    const outcomeStart = new Uint32Array(size + 1)
    const latencyStart = new Uint32Array(size + 1)
    for (let slot = 0; slot < size; slot++) {
      if (slot % ROWS_A_STEP === 0) yield
      outcomeStart[slot + 1] = outcomeStart[slot]! + this.#outcomes.cells(slot)
      latencyStart[slot + 1] = latencyStart[slot]! + this.#latencies.cells(slot)
    }
    const outcomeIndex = new Uint32Array(outcomeStart[size]!)
    const outcomeCount = new Float64Array(outcomeStart[size]!)
    const latencyIndex = new Uint16Array(latencyStart[size]!)
    const latencyCount = new Float64Array(latencyStart[size]!)
    const requests = new Float64Array(size)
    for (let slot = 0; slot < size; slot++) {
      if (slot % ROWS_A_STEP === 0) yield
      const end = this.#outcomes.copy(slot, outcomeIndex, outcomeCount, outcomeStart[slot]!)
      for (let i = outcomeStart[slot]!; i < end; i++) requests[slot]! += outcomeCount[i]!
      this.#latencies.copy(slot, latencyIndex, latencyCount, latencyStart[slot]!)
    }
    yield
    const { latencySumMicros, firstMs, isReported, opened, closed, readBytes, writtenBytes } = this.#sums
    return {
      size,
      labels: Buffer.from(this.#labels.written),
      labelStart: Uint32Array.from(this.#labelStart),
      requests,
      outcomes: this.#outcomes.outcomes,
      outcomeStart,
      outcomeIndex,
      outcomeCount,
      latencyStart,
      latencyIndex,
      latencyCount,
      latencySumMicros: Float64Array.from(latencySumMicros),
      firstMs: Float64Array.from(firstMs),
      connections: isReported.includes(1)
        ? {
            isReported: Uint8Array.from(isReported),
            opened: Float64Array.from(opened),
            closed: Float64Array.from(closed),
            readBytes: Float64Array.from(readBytes),
            writtenBytes: Float64Array.from(writtenBytes),
            open: this.#open.bySlot(size, sinceMs),
          }
        : undefined,
    }
  }

  /** The slot of a row's labels; -1 where there may be no further ones. */
  #slot(pieces: LabelPieces, row: number): number {
    const labels = pieces.of(row)
    const known = this.#slots.get(labels)
    if (known !== undefined) return known
    if (!this.#options.admits()) return -1
    const slot = this.#slots.size
    this.#slots.set(labels, slot)
    this.#labels.binary(labels)
    this.#labelStart.push(this.#labels.length)
    this.#latencies.reserve(slot + 1)
    this.#outcomes.reserve(slot + 1)
    const sums = this.#sums
    sums.firstMs.push(Number.POSITIVE_INFINITY)
    sums.latencySumMicros.push(0)
    sums.opened.push(0)
    sums.closed.push(0)
    sums.readBytes.push(0)
    sums.writtenBytes.push(0)
    sums.isReported.push(0)
    return slot
  }
}

/** The columns of connections; undefined where a blob has none, as most. */
function connectionColumns(blob: StatBlob) {
  const names = ['opened', 'closed', 'openAtMs', 'readBytes', 'writtenBytes'] as const
  if (!names.some((name) => blob.has(name))) return undefined
  const columns = {
    opened: blob.sum('opened'),
    closed: blob.sum('closed'),
    open: blob.sum('open'),
    openAtMs: blob.sum('openAtMs'),
    readBytes: blob.sum('readBytes'),
    writtenBytes: blob.sum('writtenBytes'),
    lastMs: blob.sum('lastMs'),
  }
  return { ...columns, isReported: (row: number) => names.some((name) => columns[name][row]! > 0) }
}
