import { FLAG_OUTBOUND, FLAG_TLS, FLAG_TLS_KNOWN } from '../event/dictionary.ts'
import { DecodeError } from '../event/decode-error.ts'
import { TRACE_BYTES } from '../event/event-columns.ts'
import { ProtobufReader } from '../event/protobuf-reader.ts'
import { checkFormat, TablesReader, type WorkloadStrings } from './block-tables.ts'
import { type ExemplarColumns, NO_EXEMPLARS } from './exemplars.ts'
import { PackedColumns } from './packed-columns.ts'
import { seriesKey, type SeriesKey } from './series.ts'
import type { OutcomeKey } from './stat-block.ts'
import { type IdentityColumns, NO_IDENTITIES, SERVER } from './tls-identities.ts'

/**
 * Of the blob's layout; raised when a version of meshtap cannot read what an earlier one wrote, or the other way about. Fields
 * that were added since (`EXEMPLAR_FIELDS`, `IDENTITY_FIELDS`) raise nothing: a blob without them has none, and an earlier version passes over
 * them.
 */
export const STAT_FORMAT = 1

/** Fields of `StatSeries` in proto/rollup.proto that are sums and times, by the block's column. */
export const SUM_FIELDS = {
  latencySumMicros: 9,
  requestBytes: 10,
  responseBytes: 11,
  firstMs: 12,
  lastMs: 13,
  opened: 14,
  closed: 15,
  open: 16,
  openAtMs: 17,
  readBytes: 18,
  writtenBytes: 19,
} as const

/** Fields of `StatBlock` that are the traces of slow requests; left out where no series has one. */
export const EXEMPLAR_FIELDS = { step: 12, latencyMicros: 13, timeMs: 14, traceIds: 15 } as const

/** Fields of `StatBlock` that are TLS identities; left out where no series has one. */
export const IDENTITY_FIELDS = { step: 16, end: 17, identity: 18 } as const

/** Fields of `StatSeries` that make a series' key: 1 to this one. */
const LAST_KEY_FIELD = 8

/** What rows have of something: row `i` owns the places `[start[i], start[i + 1])` of the arrays after it. */
export interface SparseCounts {
  readonly start: Uint32Array<ArrayBuffer>
  readonly index: Int32Array<ArrayBuffer>
  readonly count: Float64Array<ArrayBuffer>
}

/** What makes the series' keys, one number a row: into the blob's tables, and flags. */
export interface KeyColumns {
  readonly workload: Int32Array
  readonly peer: Int32Array
  readonly pod: Int32Array
  readonly service: Int32Array
  readonly authority: Int32Array
  readonly route: Int32Array
  readonly method: Int32Array
  /** `FLAG_OUTBOUND`, `FLAG_TLS`, `FLAG_TLS_KNOWN`. */
  readonly flags: Int32Array
  /** The tables that the others are indices of. */
  readonly tables: TablesReader
  readonly workloads: WorkloadStrings
}

/**
 * A `StatBlock` as bytes (proto/rollup.proto), each part decoded when it is asked for. All throw a DecodeError where
 * the bytes are not ones of this program. What is called `…Gradually` is a generator that rests while it decodes, for who
 * must not hold the event loop.
 */
export class StatBlob {
  /** How many series. */
  readonly rows: number
  /** The bytes that say which series: of two blobs, where these are the same, so are the keys. */
  readonly keyBytes: readonly [tables: Uint8Array, columns: Uint8Array]
  readonly #tables: TablesReader
  readonly #series: PackedColumns
  readonly #outcomes: PackedColumns
  readonly #cells: PackedColumns

  constructor(bytes: Uint8Array) {
    const reader = new ProtobufReader(bytes)
    const cells = new PackedColumns(bytes)
    const tables = new TablesReader(bytes)
    let series = new PackedColumns(bytes)
    let outcomes = new PackedColumns(bytes)
    while (!reader.done) {
      const tagAt = reader.pos
      const field = reader.tag()
      if (field === 1) checkFormat(reader, STAT_FORMAT)
      else if (field === 2) tables.takeString(reader, tagAt)
      else if (field === 3) tables.takeWorkloads(reader, tagAt)
      else if (field === 4) series = PackedColumns.read(reader)
      else if (field === 5) outcomes = PackedColumns.read(reader)
      else cells.take(reader, field, tagAt)
    }
    this.rows = series.rows(1)
    this.keyBytes = [tables.bytes, series.bytesOf(1, LAST_KEY_FIELD)]
    this.#tables = tables
    this.#series = series
    this.#outcomes = outcomes
    this.#cells = cells
  }

  keys(): SeriesKey[] {
    return readKeys(this.#series, this.rows, this.#tables)
  }

  /** The same without an object a series. */
  *keyColumnsGradually(): Generator<undefined, KeyColumns> {
    const column = (field: number) => this.#series.intsGradually(field, this.rows)
    return {
      workload: yield* column(1),
      peer: yield* column(2),
      pod: yield* column(3),
      service: yield* column(4),
      authority: yield* column(5),
      route: yield* column(6),
      method: yield* column(7),
      flags: yield* column(8),
      tables: this.#tables,
      workloads: this.#tables.workloadStrings(),
    }
  }

  outcomes(): OutcomeKey[] {
    return readOutcomes(this.#outcomes, this.#tables)
  }

  sum(name: keyof typeof SUM_FIELDS): Float64Array<ArrayBuffer> {
    return this.#series.numbers(SUM_FIELDS[name], this.rows)
  }

  sumGradually(name: keyof typeof SUM_FIELDS): Generator<undefined, Float64Array<ArrayBuffer>> {
    return this.#series.numbersGradually(SUM_FIELDS[name], this.rows)
  }

  /** Whether a sum is more than zero in any row: one that is not is left out. */
  has(name: keyof typeof SUM_FIELDS): boolean {
    return this.#series.has(SUM_FIELDS[name])
  }

  /** By the number of the outcome. */
  outcomeCounts(): SparseCounts {
    return this.#sparse(6)
  }

  /** By histogram bucket, ascending within a row: of each the step from the one before it, of the first from 0. */
  latencySteps(): SparseCounts {
    return this.#sparse(9)
  }

  outcomeCountsGradually(): Generator<undefined, SparseCounts> {
    return this.#sparseGradually(6)
  }

  latencyStepsGradually(): Generator<undefined, SparseCounts> {
    return this.#sparseGradually(9)
  }

  /** The traces of slow requests. */
  exemplars(): ExemplarColumns {
    const size = this.#cells.rows(EXEMPLAR_FIELDS.step)
    if (size === 0) return NO_EXEMPLARS
    const traceIds = this.#cells.bytes(EXEMPLAR_FIELDS.traceIds)
    if (traceIds.length !== size * TRACE_BYTES) {
      const message = `has ${traceIds.length} bytes, but ${size} exemplars need ${TRACE_BYTES} each`
      throw new DecodeError('column-length', `field ${EXEMPLAR_FIELDS.traceIds}`, message)
    }
    const steps = this.#cells.ints(EXEMPLAR_FIELDS.step, size)
    const row = new Uint32Array(size)
    let last = 0
    for (let i = 0; i < size; i++) {
      last += steps[i]!
      if (last >= this.rows || (i > 0 && steps[i] === 0)) {
        const message = `of exemplar ${i} is ${last} after ${row[i - 1] ?? 'none'}, of ${this.rows}`
        throw new DecodeError('index', 'row', message)
      }
      row[i] = last
    }
    return {
      row,
      latencyMicros: this.#cells.numbers(EXEMPLAR_FIELDS.latencyMicros, size),
      timeMs: this.#cells.numbers(EXEMPLAR_FIELDS.timeMs, size),
      traceIds,
    }
  }

  /** Who showed which certificate. */
  identities(): IdentityColumns {
    const size = this.#cells.rows(IDENTITY_FIELDS.step)
    if (size === 0) return NO_IDENTITIES
    const steps = this.#cells.ints(IDENTITY_FIELDS.step, size)
    const ends = this.#cells.ints(IDENTITY_FIELDS.end, size)
    const row = new Uint32Array(size)
    let last = 0
    for (let i = 0; i < size; i++) {
      last += steps[i]!
      if (last >= this.rows || ends[i]! > SERVER)
        throw new DecodeError('index', 'row', `of identity ${i} is ${last}, of ${this.rows}, end ${ends[i]}`)
      row[i] = last
    }
    const texts = this.#cells.ints(IDENTITY_FIELDS.identity, size)
    return {
      row,
      end: Uint8Array.from(ends),
      identity: Array.from(texts, (index) => this.#tables.string(index)),
    }
  }

  #sparse(field: number): SparseCounts {
    const start = startsOf(this.#cells.ints(field, this.rows))
    const size = start[this.rows]!
    return { start, index: this.#cells.ints(field + 1, size), count: this.#cells.numbers(field + 2, size) }
  }

  *#sparseGradually(field: number): Generator<undefined, SparseCounts> {
    const start = startsOf(yield* this.#cells.intsGradually(field, this.rows))
    const size = start[this.rows]!
    const index = yield* this.#cells.intsGradually(field + 1, size)
    return { start, index, count: yield* this.#cells.numbersGradually(field + 2, size) }
  }
}

/** Where each row's cells begin, from how many each has. */
function startsOf(cells: Int32Array): Uint32Array<ArrayBuffer> {
  const start = new Uint32Array(cells.length + 1)
  for (let row = 0; row < cells.length; row++) start[row + 1] = start[row]! + cells[row]!
  return start
}

function readKeys(columns: PackedColumns, rows: number, tables: TablesReader): SeriesKey[] {
  const column = (field: number) => columns.ints(field, rows)
  const [workload, peer, pod, service] = [column(1), column(2), column(3), column(4)]
  const [authority, route, method, flags] = [column(5), column(6), column(7), column(8)]
  return Array.from(workload, (index, row) =>
    seriesKey({
      workload: tables.workload(index),
      pod: tables.string(pod[row]!),
      direction: flags[row]! & FLAG_OUTBOUND ? 'outbound' : 'inbound',
      peer: tables.workload(peer[row]!),
      service: tables.string(service[row]!),
      authority: tables.string(authority[row]!),
      route: tables.string(route[row]!),
      method: tables.string(method[row]!),
      tls: flags[row]! & FLAG_TLS_KNOWN ? (flags[row]! & FLAG_TLS) !== 0 : undefined,
    }),
  )
}

function readOutcomes(columns: PackedColumns, tables: TablesReader): OutcomeKey[] {
  const rows = columns.rows(1)
  const [status, grpcStatus, failure, reason] = [1, 2, 3, 4].map((field) => columns.numbers(field, rows))
  return Array.from({ length: rows }, (_, row) => ({
    status: status![row]! - 1,
    grpcStatus: grpcStatus![row]! - 1,
    classification: failure![row] === 1 ? 'failure' : 'success',
    reason: tables.string(reason![row]!),
  }))
}
