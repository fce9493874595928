import type { Dictionary, EndpointField, FlowField } from './dictionary.ts'
import { type EventColumns, TRACE_BYTES } from './event-columns.ts'
import { MAX_RECORD_EVENTS } from './limits.ts'
import { LocalTable } from './local-table.ts'
import { ProtobufWriter } from './protobuf-writer.ts'

/**
 * Encodes the events as an `EventBatch` (proto/event_batch.proto), with the strings, endpoints, flows and outcomes that
 * they use and no others. The same columns give the same bytes.
 */
export function encodeEventBatch(columns: EventColumns): Uint8Array<ArrayBuffer> {
  encoder ??= new EventBatchEncoder()
  return encoder.encode(columns)
}

/** Holds nothing between calls but memory to use again. */
let encoder: EventBatchEncoder | undefined

/** Fields of `Endpoints`, in order of their numbers. */
const ENDPOINT_FIELDS: readonly EndpointField[] = [
  'cluster',
  'namespace',
  'kind',
  'name',
  'pod',
  'service',
  'ip',
  'port',
  'identity',
]

/** Fields of `Flows` from number 4. */
const FLOW_TEXTS: readonly FlowField[] = ['authority', 'method', 'scheme', 'route', 'path', 'proxy']

class EventBatchEncoder {
  readonly #writer = new ProtobufWriter(64 * 1024)
  readonly #strings = new LocalTable()
  readonly #endpoints = new LocalTable()
  readonly #flows = new LocalTable()
  readonly #outcomes = new LocalTable()
  /** Columns being made. */
  #ints = new Int32Array(1024)
  #numbers = new Float64Array(1024)

  encode(columns: EventColumns): Uint8Array<ArrayBuffer> {
    try {
      return this.#encode(columns)
    } finally {
      this.#strings.clear()
      this.#endpoints.clear()
      this.#flows.clear()
      this.#outcomes.clear()
    }
  }

  #encode(columns: EventColumns): Uint8Array<ArrayBuffer> {
    if (Math.max(columns.requests, columns.connections, columns.headers) > MAX_RECORD_EVENTS) {
      throw new RangeError(
        `a batch holds at most ${MAX_RECORD_EVENTS} requests, connections and headers each`,
      )
    }
    const writer = this.#writer
    writer.reset()
    this.#collect(columns)
    if (columns.producer !== '') writer.string(1, columns.producer)
    if (columns.sequence !== 0) writer.varint(2, columns.sequence)
    this.#writeTables(columns.dictionary)
    if (columns.requests > 0) this.#writeRequests(columns)
    if (columns.connections > 0) this.#writeConnections(columns)
    return writer.finish()
  }

  /** Numbers everything that the events use, so that the tables can be written before the events. */
  #collect(columns: EventColumns): void {
    const { dictionary } = columns
    const flows = this.#flows
    const endpoints = this.#endpoints
    const outcomes = this.#outcomes
    const strings = this.#strings
    for (let i = 0; i < columns.requests; i++) {
      flows.index(columns.flow[i]!)
      outcomes.indexOrNone(columns.outcome[i]!)
    }
    for (let i = 0; i < columns.connections; i++) flows.index(columns.connectionFlow[i]!)
    for (let i = 0; i < flows.size; i++) {
      const flow = flows.id(i)
      endpoints.indexOrNone(dictionary.flowSource(flow))
      endpoints.indexOrNone(dictionary.flowDestination(flow))
    }
    for (let i = 0; i < endpoints.size; i++) {
      for (const field of ENDPOINT_FIELDS) {
        if (field !== 'port') strings.indexOrNone(dictionary.endpointSymbol(endpoints.id(i), field))
      }
    }
    for (let i = 0; i < flows.size; i++) {
      for (const field of FLOW_TEXTS) strings.indexOrNone(dictionary.flowSymbol(flows.id(i), field))
    }
    for (let i = 0; i < outcomes.size; i++) strings.indexOrNone(dictionary.outcomeReason(outcomes.id(i)))
    for (let i = 0; i < columns.headers; i++) {
      strings.indexOrNone(columns.headerName[i]!)
      strings.indexOrNone(columns.headerValue[i]!)
    }
    const rows = Math.max(columns.requests, columns.connections, columns.headers)
    this.#makeRoom(Math.max(rows, flows.size, endpoints.size, outcomes.size))
  }

  #writeTables(dictionary: Dictionary): void {
    const writer = this.#writer
    const strings = this.#strings
    const endpoints = this.#endpoints
    const flows = this.#flows
    const outcomes = this.#outcomes
    for (let i = 0; i < strings.size; i++) writer.bytes(3, dictionary.symbols.utf8(strings.id(i)))
    if (endpoints.size > 0) {
      const mark = writer.begin(4)
      for (const [i, field] of ENDPOINT_FIELDS.entries()) {
        this.#column(i + 1, endpoints.size, (row) => {
          const symbol = dictionary.endpointSymbol(endpoints.id(row), field)
          return field === 'port' ? symbol : strings.indexOrNone(symbol)
        })
      }
      writer.end(mark)
    }
    if (flows.size > 0) {
      const mark = writer.begin(5)
      // Always there: a table of which every column is left out would have no rows.
      this.#packed(1, flows.size, (row) => dictionary.flowFlags(flows.id(row)))
      this.#column(2, flows.size, (row) => endpoints.indexOrNone(dictionary.flowSource(flows.id(row))))
      this.#column(3, flows.size, (row) => endpoints.indexOrNone(dictionary.flowDestination(flows.id(row))))
      for (const [i, field] of FLOW_TEXTS.entries()) {
        this.#column(i + 4, flows.size, (row) =>
          strings.indexOrNone(dictionary.flowSymbol(flows.id(row), field)),
        )
      }
      writer.end(mark)
    }
    if (outcomes.size > 0) {
      const mark = writer.begin(6)
      this.#column(1, outcomes.size, (row) => dictionary.outcomeStatus(outcomes.id(row)) + 1)
      this.#column(2, outcomes.size, (row) => dictionary.outcomeGrpcStatus(outcomes.id(row)) + 1)
      this.#column(3, outcomes.size, (row) => (dictionary.outcomeReset(outcomes.id(row)) ? 1 : 0))
      this.#column(4, outcomes.size, (row) => strings.indexOrNone(dictionary.outcomeReason(outcomes.id(row))))
      writer.end(mark)
    }
  }

  #writeRequests(columns: EventColumns): void {
    const writer = this.#writer
    const count = columns.requests
    const mark = writer.begin(7)
    this.#writeTimes(columns.timeMs, count)
    this.#column(3, count, (row) => this.#flows.index(columns.flow[row]!))
    this.#column(4, count, (row) => this.#outcomes.indexOrNone(columns.outcome[row]!))
    writer.column(5, columns.latencyMicros, count)
    writer.column(6, columns.requestBytes, count)
    writer.column(7, columns.responseBytes, count)
    if (columns.hasTraces) writer.bytes(8, columns.traceIds, 0, count * TRACE_BYTES)
    if (columns.headers > 0) this.#writeHeaders(columns)
    writer.end(mark)
  }

  #writeHeaders(columns: EventColumns): void {
    const writer = this.#writer
    const count = columns.headers
    const mark = writer.begin(9)
    writer.column(1, columns.headerEvent, count)
    this.#column(2, count, (row) => columns.headerSide[row]!)
    // Always there, as the flows' flags are.
    this.#packed(3, count, (row) => this.#strings.indexOrNone(columns.headerName[row]!))
    this.#column(4, count, (row) => this.#strings.indexOrNone(columns.headerValue[row]!))
    writer.end(mark)
  }

  #writeConnections(columns: EventColumns): void {
    const writer = this.#writer
    const count = columns.connections
    const mark = writer.begin(8)
    this.#writeTimes(columns.connectionTimeMs, count)
    this.#column(3, count, (row) => this.#flows.index(columns.connectionFlow[row]!))
    for (let i = 0; i < count; i++) this.#numbers[i] = columns.connectionOpen[i]! + 1
    writer.column(4, this.#numbers, count)
    writer.column(5, columns.connectionOpened, count)
    writer.column(6, columns.connectionClosed, count)
    writer.column(7, columns.connectionReadBytes, count)
    writer.column(8, columns.connectionWrittenBytes, count)
    writer.end(mark)
  }

  /** Writes the first time as the base and the rest as deltas. */
  #writeTimes(times: Float64Array, count: number): void {
    let previous = times[0]!
    let moved = false
    for (let i = 0; i < count; i++) {
      this.#numbers[i] = times[i]! - previous
      moved ||= times[i] !== previous
      previous = times[i]!
    }
    if (times[0] !== 0) this.#writer.varint(1, times[0]!)
    if (moved) this.#writer.packedSigned(2, this.#numbers, count)
  }

  #column(field: number, count: number, valueOf: (row: number) => number): void {
    for (let row = 0; row < count; row++) this.#ints[row] = valueOf(row)
    this.#writer.column(field, this.#ints, count)
  }

  #packed(field: number, count: number, valueOf: (row: number) => number): void {
    for (let row = 0; row < count; row++) this.#ints[row] = valueOf(row)
    this.#writer.packed(field, this.#ints, count)
  }

  #makeRoom(rows: number): void {
    if (this.#ints.length < rows) this.#ints = new Int32Array(rows * 2)
    if (this.#numbers.length < rows) this.#numbers = new Float64Array(rows * 2)
  }
}
