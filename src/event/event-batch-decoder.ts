import { BatchTables, mapRuns } from './batch-tables.ts'
import { type EventColumns, TRACE_BYTES } from './event-columns.ts'
import { EventFieldReader } from './event-field-reader.ts'
import { IndexColumns, indexFault, rowFault } from './index-columns.ts'
import { MAX_LATENCY_MICROS, MAX_OPEN, MAX_PRODUCER_BYTES, MAX_TIME_MS } from './limits.ts'
import { faultAt, ProtobufReader, WIRE } from './protobuf-reader.ts'

/**
 * Decodes an `EventBatch` (proto/event_batch.proto) into `columns`, replacing what they hold.
 *
 * The hot path: strings, endpoints, flows and outcomes are interned once a batch; an event then costs the reading of
 * its varints and one pass that resolves its indices. Throws a `DecodeError` at the first fault, with the columns
 * cleared.
 */
export function decodeEventBatch(bytes: Uint8Array, columns: EventColumns): void {
  decoder ??= new EventBatchDecoder()
  decoder.decode(bytes, columns)
}

/** Holds nothing between calls but memory to use again. */
let decoder: EventBatchDecoder | undefined

class EventBatchDecoder {
  readonly #tables = new BatchTables()
  readonly #headers = new IndexColumns('requests.headers', ['request', 'response', 'name', 'value'])
  readonly #requests = new EventFieldReader(
    'requests',
    {
      2: { name: 'time_delta_ms', kind: 'signed', column: 'timeMs' },
      3: { name: 'flow', kind: 'int', column: 'flow' },
      4: { name: 'outcome', kind: 'int', column: 'outcome' },
      5: { name: 'latency_micros', kind: 'number', column: 'latencyMicros' },
      6: { name: 'request_bytes', kind: 'number', column: 'requestBytes' },
      7: { name: 'response_bytes', kind: 'number', column: 'responseBytes' },
    },
    (columns, count) => columns.reserveRequests(count),
  )
  readonly #connections = new EventFieldReader(
    'connections',
    {
      2: { name: 'time_delta_ms', kind: 'signed', column: 'connectionTimeMs' },
      3: { name: 'flow', kind: 'int', column: 'connectionFlow' },
      4: { name: 'open_plus_one', kind: 'number', column: 'connectionOpen' },
      5: { name: 'opened', kind: 'number', column: 'connectionOpened' },
      6: { name: 'closed', kind: 'number', column: 'connectionClosed' },
      7: { name: 'read_bytes', kind: 'number', column: 'connectionReadBytes' },
      8: { name: 'written_bytes', kind: 'number', column: 'connectionWrittenBytes' },
    },
    (columns, count) => columns.reserveConnections(count),
  )
  #requestBaseMs = 0
  #connectionBaseMs = 0
  #traceStart = 0
  #traceEnd = 0

  decode(bytes: Uint8Array, columns: EventColumns): void {
    this.#clear()
    columns.clear()
    try {
      this.#read(new ProtobufReader(bytes), columns)
      this.#tables.intern(columns.dictionary)
      this.#resolveRequests(bytes, columns)
      this.#resolveHeaders(columns)
      this.#resolveConnections(columns)
    } catch (error) {
      columns.clear()
      throw error
    }
  }

  #clear(): void {
    this.#tables.clear()
    this.#headers.clear()
    this.#requests.clear()
    this.#connections.clear()
    this.#requestBaseMs = 0
    this.#connectionBaseMs = 0
    this.#traceStart = 0
    this.#traceEnd = 0
  }

  #read(reader: ProtobufReader, columns: EventColumns): void {
    while (!reader.done) {
      const field = reader.tag()
      if (field === 2 && reader.wireType === WIRE.varint) {
        columns.sequence = reader.varint()
        continue
      }
      if (reader.wireType !== WIRE.bytes || field > 8 || field === 2) {
        reader.skip()
        columns.unknownFields++
        continue
      }
      const outer = reader.enter()
      if (field === 1) columns.producer = readProducer(reader)
      else if (field === 7) this.#readRequests(reader, columns)
      else if (field === 8) this.#readConnections(reader, columns)
      else columns.unknownFields += this.#tables.read(field, reader, columns.dictionary)
      reader.leave(outer)
    }
    // A number says nothing where nobody is named who gives it.
    if (columns.producer === '') columns.sequence = 0
  }

  #readRequests(reader: ProtobufReader, columns: EventColumns): void {
    while (!reader.done) {
      const field = reader.tag()
      if (this.#requests.read(reader, field, columns)) continue
      if (field === 1 && reader.wireType === WIRE.varint) {
        this.#requestBaseMs = reader.varint()
      } else if (field === 8 && reader.wireType === WIRE.bytes) {
        const outer = reader.enter()
        this.#traceStart = reader.pos
        this.#traceEnd = reader.end
        reader.leave(outer)
      } else if (field === 9 && reader.wireType === WIRE.bytes) {
        const outer = reader.enter()
        columns.unknownFields += this.#headers.read(reader)
        reader.leave(outer)
      } else {
        reader.skip()
        columns.unknownFields++
      }
    }
  }

  #readConnections(reader: ProtobufReader, columns: EventColumns): void {
    while (!reader.done) {
      const field = reader.tag()
      if (this.#connections.read(reader, field, columns)) continue
      if (field === 1 && reader.wireType === WIRE.varint) {
        this.#connectionBaseMs = reader.varint()
      } else {
        reader.skip()
        columns.unknownFields++
      }
    }
  }

  #resolveRequests(bytes: Uint8Array, columns: EventColumns): void {
    const rows = this.#requests.finish(columns)
    const { flow, outcome, timeMs, latencyMicros } = columns
    const { flowIds, flowCount: flows, outcomeIds, outcomeCount: outcomes } = this.#tables
    let time = this.#requestBaseMs
    for (let row = 0; row < rows; row++) {
      const flowIndex = flow[row]!
      const outcomeIndex = outcome[row]!
      time += timeMs[row]!
      if (flowIndex === 0 || flowIndex > flows)
        throw indexFault('requests.flow', row, flowIndex, 'flows', flows)
      if (outcomeIndex > outcomes)
        throw indexFault('requests.outcome', row, outcomeIndex, 'outcomes', outcomes)
      if (!(time >= 0 && time <= MAX_TIME_MS)) throw timeFault('requests', row, time)
      if (latencyMicros[row]! > MAX_LATENCY_MICROS) {
        const message = `${latencyMicros[row]} is more than ${MAX_LATENCY_MICROS}`
        throw rowFault('out-of-range', 'requests.latency_micros', row, message)
      }
      flow[row] = flowIds[flowIndex]!
      outcome[row] = outcomeIds[outcomeIndex]!
      timeMs[row] = time
    }
    columns.requests = rows
    this.#copyTraces(bytes, columns)
  }

  #copyTraces(bytes: Uint8Array, columns: EventColumns): void {
    const length = this.#traceEnd - this.#traceStart
    if (length === 0) return
    if (length !== columns.requests * TRACE_BYTES) {
      const message = `trace_ids has ${length} bytes, but ${columns.requests} requests need ${TRACE_BYTES} each`
      throw faultAt('column-length', this.#traceStart, message)
    }
    columns.reserveTraces()
    columns.traceIds.set(bytes.subarray(this.#traceStart, this.#traceEnd))
  }

  #resolveHeaders(columns: EventColumns): void {
    const table = this.#headers
    table.finish()
    if (table.rows === 0) return
    columns.reserveHeaders(table.rows)
    const { symbols } = columns.dictionary
    const requests = table.column(0)
    const sides = table.column(1)
    for (let row = 0; row < table.rows; row++) {
      const request = requests[row]!
      if (request >= columns.requests) {
        throw rowFault(
          'index',
          'requests.headers.request',
          row,
          `row ${request} of ${columns.requests} requests`,
        )
      }
      if (row > 0 && request < requests[row - 1]!) {
        throw rowFault(
          'order',
          'requests.headers.request',
          row,
          `${request} comes after ${requests[row - 1]}`,
        )
      }
      if (sides[row]! > 1) table.refuse(1, row, 1)
    }
    for (const column of [2, 3])
      table.resolve(column, this.#tables.strings, this.#tables.stringCount, 'strings')
    const names = table.column(2)
    mapRuns(names, table.rows, (name) => symbols.intern(symbols.text(name).toLowerCase()))
    columns.headerEvent.set(requests.subarray(0, table.rows))
    columns.headerSide.set(sides.subarray(0, table.rows))
    columns.headerName.set(names.subarray(0, table.rows))
    columns.headerValue.set(table.column(3).subarray(0, table.rows))
    columns.headers = table.rows
  }

  #resolveConnections(columns: EventColumns): void {
    const rows = this.#connections.finish(columns)
    const { connectionFlow, connectionTimeMs, connectionOpen } = columns
    const { flowIds, flowCount: flows } = this.#tables
    let time = this.#connectionBaseMs
    for (let row = 0; row < rows; row++) {
      const index = connectionFlow[row]!
      time += connectionTimeMs[row]!
      if (index === 0 || index > flows) throw indexFault('connections.flow', row, index, 'flows', flows)
      if (!(time >= 0 && time <= MAX_TIME_MS)) throw timeFault('connections', row, time)
      if (connectionOpen[row]! > MAX_OPEN + 1) {
        const message = `${connectionOpen[row]} is more than ${MAX_OPEN + 1}`
        throw rowFault('out-of-range', 'connections.open_plus_one', row, message)
      }
      connectionFlow[row] = flowIds[index]!
      connectionTimeMs[row] = time
      connectionOpen[row] = connectionOpen[row]! - 1
    }
    columns.connections = rows
  }
}

function readProducer(reader: ProtobufReader): string {
  const length = reader.end - reader.pos
  if (length > MAX_PRODUCER_BYTES) {
    const message = `producer has ${length} bytes, of which it may have ${MAX_PRODUCER_BYTES}`
    throw faultAt('out-of-range', reader.pos, message)
  }
  return reader.rest()
}

function timeFault(message: string, row: number, time: number): Error {
  return rowFault(
    'out-of-range',
    `${message}.time_delta_ms`,
    row,
    `the time ${time} is not within 0 and ${MAX_TIME_MS}`,
  )
}
