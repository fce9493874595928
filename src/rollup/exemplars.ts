import { TRACE_BYTES } from '../event/event-columns.ts'
import { FINEST, bucketStart } from './tier.ts'

/** The traces of a block's series, as columns; one for each row that has one. Immutable once made. */
export interface ExemplarColumns {
  /** Rows of the block, ascending. */
  readonly row: Uint32Array
  readonly latencyMicros: Float64Array
  /** Epoch milliseconds. */
  readonly timeMs: Float64Array
  /** 16 bytes each. */
  readonly traceIds: Uint8Array
}

export const NO_EXEMPLARS: ExemplarColumns = {
  row: new Uint32Array(0),
  latencyMicros: new Float64Array(0),
  timeMs: new Float64Array(0),
  traceIds: new Uint8Array(0),
}

/**
 * The trace of a slow request, at most one a slot: of the newest ten seconds of which a trace is known the slowest request;
 * of equally slow ones the later; of these the one with the larger trace id.
 *
 * The greatest under a total order, and so a commutative, associative and idempotent monoid. Memory (40 bytes a slot) is
 * taken with the first trace: where proxies send none, none is.
 */
export class Exemplars {
  /** End of the ten seconds that a slot's exemplar is of; -Infinity where it has none. */
  #endMs = new Float64Array(0)
  #latencyMicros = new Float64Array(0)
  #timeMs = new Float64Array(0)
  #traceIds = new Uint8Array(0)

  /** Whether no slot has one. */
  get isEmpty(): boolean {
    return this.#endMs.length === 0
  }

  /** Offers a request whose trace id is at `from[start]`, zeros where it has none. */
  offer(slot: number, latencyMicros: number, timeMs: number, from: Uint8Array, start: number): void {
    // The hot path: nearly all are faster than the one that is known.
    if (timeMs < this.#endMs[slot]! && latencyMicros < this.#latencyMicros[slot]!) return
    if (!isTrace(from, start) || !this.#isGreater(slot, latencyMicros, timeMs, from, start)) return
    if (slot >= this.#endMs.length) this.#grow(slot + 1)
    this.#endMs[slot] = bucketStart(FINEST, timeMs) + FINEST.bucketMs
    this.#latencyMicros[slot] = latencyMicros
    this.#timeMs[slot] = timeMs
    for (let i = 0; i < TRACE_BYTES; i++) this.#traceIds[slot * TRACE_BYTES + i] = from[start + i]!
  }

  /** Offers the exemplar at place `at` of a block. */
  offerFrom(slot: number, { latencyMicros, timeMs, traceIds }: ExemplarColumns, at: number): void {
    this.offer(slot, latencyMicros[at]!, timeMs[at]!, traceIds, at * TRACE_BYTES)
  }

  /** Those of some slots, which are the rows of a block. */
  of(slots: readonly number[]): ExemplarColumns {
    const rows: number[] = []
    slots.forEach((slot, row) => {
      if (this.#endMs[slot]! > Number.NEGATIVE_INFINITY) rows.push(row)
    })
    if (rows.length === 0) return NO_EXEMPLARS
    const traceIds = new Uint8Array(rows.length * TRACE_BYTES)
    rows.forEach((row, i) => {
      const start = slots[row]! * TRACE_BYTES
      traceIds.set(this.#traceIds.subarray(start, start + TRACE_BYTES), i * TRACE_BYTES)
    })
    return {
      row: Uint32Array.from(rows),
      latencyMicros: Float64Array.from(rows, (row) => this.#latencyMicros[slots[row]!]!),
      timeMs: Float64Array.from(rows, (row) => this.#timeMs[slots[row]!]!),
      traceIds,
    }
  }

  #isGreater(slot: number, latencyMicros: number, timeMs: number, from: Uint8Array, start: number): boolean {
    const endMs = this.#endMs[slot] ?? Number.NEGATIVE_INFINITY
    if (timeMs >= endMs) return true
    if (timeMs < endMs - FINEST.bucketMs) return false
    const slower = latencyMicros - this.#latencyMicros[slot]!
    if (slower !== 0) return slower > 0
    const later = timeMs - this.#timeMs[slot]!
    if (later !== 0) return later > 0
    for (let i = 0; i < TRACE_BYTES; i++) {
      const larger = from[start + i]! - this.#traceIds[slot * TRACE_BYTES + i]!
      if (larger !== 0) return larger > 0
    }
    return false
  }

  #grow(slots: number): void {
    const known = this.#endMs.length
    const length = Math.max(16, slots, 2 * known)
    this.#endMs = enlarged(this.#endMs, new Float64Array(length))
    this.#endMs.fill(Number.NEGATIVE_INFINITY, known)
    this.#latencyMicros = enlarged(this.#latencyMicros, new Float64Array(length))
    this.#timeMs = enlarged(this.#timeMs, new Float64Array(length))
    this.#traceIds = enlarged(this.#traceIds, new Uint8Array(length * TRACE_BYTES))
  }
}

function isTrace(bytes: Uint8Array, start: number): boolean {
  for (let i = start; i < start + TRACE_BYTES; i++) if (bytes[i] !== 0) return true
  return false
}

function enlarged<A extends Float64Array | Uint8Array>(from: A, to: A): A {
  to.set(from)
  return to
}
