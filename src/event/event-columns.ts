import type { Dictionary } from './dictionary.ts'

export const TRACE_BYTES = 16

/**
 * The events of one log record as columns of a dictionary's ids and of numbers: what every codec decodes to and
 * the fold and the taps read.
 *
 * One instance is filled again and again (`clear`), so that the hot path makes no object an event. Columns are
 * longer than `requests` and `connections` say; read only that far.
 */
export class EventColumns {
  readonly dictionary: Dictionary
  /** The numbering producer, `''` where the sender does not number its batches. */
  producer = ''
  /** The batch's number from 1 up, 0 where it has none, as where no producer is named. */
  sequence = 0
  /** Fields or attributes that the codec does not know, and ignored. */
  unknownFields = 0
  /** Spans that are no request, and skipped: only OTLP has such. */
  skipped = 0

  /** Request events held. */
  requests = 0
  flow = new Int32Array(256)
  outcome = new Int32Array(256)
  /** Epoch milliseconds. */
  timeMs = new Float64Array(256)
  latencyMicros = new Float64Array(256)
  requestBytes = new Float64Array(256)
  responseBytes = new Float64Array(256)
  /** 16 bytes a request, zeros where it has no trace; valid only where `hasTraces`, and for requests already added. */
  traceIds = new Uint8Array(0)
  hasTraces = false
  /** Of the same memory. */
  #traces = new DataView(this.traceIds.buffer)

  /** Headers of all requests, in order of the event they belong to. */
  headers = 0
  headerEvent = new Int32Array(0)
  /** Symbol of the name, in lower case. */
  headerName = new Int32Array(0)
  headerValue = new Int32Array(0)
  /** 1 for a response header. */
  headerSide = new Uint8Array(0)

  /** Connection events held. */
  connections = 0
  connectionFlow = new Int32Array(16)
  connectionTimeMs = new Float64Array(16)
  /** Connections open, -1 where the proxy does not say. */
  connectionOpen = new Float64Array(16)
  connectionOpened = new Float64Array(16)
  connectionClosed = new Float64Array(16)
  connectionReadBytes = new Float64Array(16)
  connectionWrittenBytes = new Float64Array(16)

  constructor(dictionary: Dictionary) {
    this.dictionary = dictionary
  }

  clear(): void {
    this.producer = ''
    this.sequence = 0
    this.unknownFields = 0
    this.skipped = 0
    this.requests = 0
    this.hasTraces = false
    this.headers = 0
    this.connections = 0
  }

  /** Makes room for `count` requests in all. */
  reserveRequests(count: number): void {
    if (count <= this.flow.length) return
    const length = Math.max(count, this.flow.length * 2)
    this.flow = enlarged(this.flow, new Int32Array(length))
    this.outcome = enlarged(this.outcome, new Int32Array(length))
    this.timeMs = enlarged(this.timeMs, new Float64Array(length))
    this.latencyMicros = enlarged(this.latencyMicros, new Float64Array(length))
    this.requestBytes = enlarged(this.requestBytes, new Float64Array(length))
    this.responseBytes = enlarged(this.responseBytes, new Float64Array(length))
    if (this.hasTraces) this.reserveTraces()
  }

  /** Makes room for a trace id for every request there is room for; the requests held have none yet. */
  reserveTraces(): void {
    const length = this.flow.length * TRACE_BYTES
    if (!this.hasTraces) {
      if (this.traceIds.length < length) this.traceIds = new Uint8Array(length)
      // Only the rows in use: zeroing all that a large batch once needed would cost every small one after it.
      else this.traceIds.fill(0, 0, this.requests * TRACE_BYTES)
      this.hasTraces = true
      this.#traces = new DataView(this.traceIds.buffer)
    } else if (this.traceIds.length < length) {
      this.traceIds = enlarged(this.traceIds, new Uint8Array(length))
      this.#traces = new DataView(this.traceIds.buffer)
    }
  }

  /** Appends a request and returns its index. */
  addRequest(
    flow: number,
    outcome: number,
    timeMs: number,
    latencyMicros: number,
    requestBytes: number,
    responseBytes: number,
  ): number {
    const index = this.requests
    if (index === this.flow.length) this.reserveRequests(index + 1)
    this.flow[index] = flow
    this.outcome[index] = outcome
    this.timeMs[index] = timeMs
    this.latencyMicros[index] = latencyMicros
    this.requestBytes[index] = requestBytes
    this.responseBytes[index] = responseBytes
    if (this.hasTraces) {
      // As words, as `fill` costs more than sixteen bytes do.
      const at = index * TRACE_BYTES
      this.#traces.setBigInt64(at, 0n, true)
      this.#traces.setBigInt64(at + 8, 0n, true)
    }
    this.requests = index + 1
    return index
  }

  /** Sets the trace id of request `index` from 16 bytes at `bytes[start]`. */
  setTrace(index: number, bytes: Uint8Array, start: number): void {
    if (!this.hasTraces) this.reserveTraces()
    const traceIds = this.traceIds
    const base = index * TRACE_BYTES
    for (let i = 0; i < TRACE_BYTES; i++) traceIds[base + i] = bytes[start + i]!
  }

  /** As `setTrace`, for who has a view of the bytes: in two steps instead of sixteen. */
  copyTrace(index: number, from: DataView, start: number): void {
    if (!this.hasTraces) this.reserveTraces()
    const to = this.#traces
    const base = index * TRACE_BYTES
    to.setBigInt64(base, from.getBigInt64(start, true), true)
    to.setBigInt64(base + 8, from.getBigInt64(start + 8, true), true)
  }

  /** Appends a header to request `index`, which is the last one added; `name` and `value` are symbols. */
  addHeader(index: number, side: 'request' | 'response', name: number, value: number): void {
    const at = this.headers
    if (at === this.headerEvent.length) this.reserveHeaders(at + 1)
    this.headerEvent[at] = index
    this.headerName[at] = name
    this.headerValue[at] = value
    this.headerSide[at] = side === 'response' ? 1 : 0
    this.headers = at + 1
  }

  /** Makes room for `count` headers in all. */
  reserveHeaders(count: number): void {
    if (count <= this.headerEvent.length) return
    const length = Math.max(64, count, this.headerEvent.length * 2)
    this.headerEvent = enlarged(this.headerEvent, new Int32Array(length))
    this.headerName = enlarged(this.headerName, new Int32Array(length))
    this.headerValue = enlarged(this.headerValue, new Int32Array(length))
    this.headerSide = enlarged(this.headerSide, new Uint8Array(length))
  }

  /** Makes room for `count` connection events in all. */
  reserveConnections(count: number): void {
    if (count <= this.connectionFlow.length) return
    const length = Math.max(count, this.connectionFlow.length * 2)
    this.connectionFlow = enlarged(this.connectionFlow, new Int32Array(length))
    this.connectionTimeMs = enlarged(this.connectionTimeMs, new Float64Array(length))
    this.connectionOpen = enlarged(this.connectionOpen, new Float64Array(length))
    this.connectionOpened = enlarged(this.connectionOpened, new Float64Array(length))
    this.connectionClosed = enlarged(this.connectionClosed, new Float64Array(length))
    this.connectionReadBytes = enlarged(this.connectionReadBytes, new Float64Array(length))
    this.connectionWrittenBytes = enlarged(this.connectionWrittenBytes, new Float64Array(length))
  }

  /** Appends a connection event; `open` is -1 where unknown. */
  addConnection(
    flow: number,
    timeMs: number,
    open: number,
    opened: number,
    closed: number,
    readBytes: number,
    writtenBytes: number,
  ): void {
    const at = this.connections
    if (at === this.connectionFlow.length) this.reserveConnections(at + 1)
    this.connectionFlow[at] = flow
    this.connectionTimeMs[at] = timeMs
    this.connectionOpen[at] = open
    this.connectionOpened[at] = opened
    this.connectionClosed[at] = closed
    this.connectionReadBytes[at] = readBytes
    this.connectionWrittenBytes[at] = writtenBytes
    this.connections = at + 1
  }

  /** Position of the first header of request `index`, or of the next request that has one. */
  firstHeader(index: number): number {
    let low = 0
    let high = this.headers
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.headerEvent[middle]! < index) low = middle + 1
      else high = middle
    }
    return low
  }
}

function enlarged<A extends Int32Array | Float64Array | Uint8Array>(from: A, to: A): A {
  to.set(from)
  return to
}
