import { type Dictionary, FLAG_OUTBOUND, FLAG_TLS, FLAG_TLS_KNOWN } from './dictionary.ts'
import { IndexColumns } from './index-columns.ts'
import { MAX_PORT, MAX_STATUS } from './limits.ts'
import type { ProtobufReader } from './protobuf-reader.ts'
import { normalizeKind } from './workload-kinds.ts'

const KNOWN_FLAGS = FLAG_OUTBOUND | FLAG_TLS_KNOWN | FLAG_TLS

/** Strings above which the memory for their symbols is given back after use. */
const KEPT_STRINGS = 262_144

const ENDPOINT = { kind: 2, port: 7 } as const
const FLOW = { flags: 0, source: 1, destination: 2 } as const

/**
 * The tables of an EventBatch: strings, endpoints, flows, outcomes. Read in any order, then interned at once, column by
 * column; what then is left is an array from a batch's index to the dictionary's id.
 */
export class BatchTables {
  /** By index, from 1: symbols and ids of the dictionary. Place 0 is 0. */
  strings = new Int32Array(1024)
  flowIds = new Int32Array(256)
  outcomeIds = new Int32Array(64)
  stringCount = 0
  #endpointIds = new Int32Array(256)

  readonly #endpoints = new IndexColumns('endpoints', [
    'cluster',
    'namespace',
    'kind',
    'name',
    'pod',
    'service',
    'ip',
    'port',
    'identity',
  ])
  readonly #flows = new IndexColumns('flows', [
    'flags',
    'source',
    'destination',
    'authority',
    'method',
    'scheme',
    'route',
    'path',
    'proxy',
  ])
  readonly #outcomes = new IndexColumns('outcomes', [
    'status_plus_one',
    'grpc_status_plus_one',
    'reset',
    'reason',
  ])

  get flowCount(): number {
    return this.#flows.rows
  }

  get outcomeCount(): number {
    return this.#outcomes.rows
  }

  clear(): void {
    this.stringCount = 0
    if (this.strings.length > KEPT_STRINGS) this.strings = new Int32Array(1024)
    this.#endpoints.clear()
    this.#flows.clear()
    this.#outcomes.clear()
  }

  /** Reads field 3 to 6 of an EventBatch, which `reader` has entered. Returns the unknown fields skipped. */
  read(field: number, reader: ProtobufReader, dictionary: Dictionary): number {
    if (field === 3) {
      this.#addString(reader, dictionary)
      return 0
    }
    if (field === 4) return this.#endpoints.read(reader)
    if (field === 5) return this.#flows.read(reader)
    return this.#outcomes.read(reader)
  }

  /** Interns what was read. Throws a DecodeError at an index or a value that cannot be. */
  intern(dictionary: Dictionary): void {
    this.#internEndpoints(dictionary)
    this.#internFlows(dictionary)
    this.#internOutcomes(dictionary)
  }

  #addString(reader: ProtobufReader, dictionary: Dictionary): void {
    const index = ++this.stringCount
    if (index >= this.strings.length) {
      const larger = new Int32Array(index * 2)
      larger.set(this.strings)
      this.strings = larger
    }
    this.strings[index] = dictionary.symbols.internBytes(reader.bytes, reader.pos, reader.end)
  }

  #internEndpoints(dictionary: Dictionary): void {
    const table = this.#endpoints
    table.finish()
    for (let column = 0; column < table.present.length; column++) {
      if (column !== ENDPOINT.port) table.resolve(column, this.strings, this.stringCount, 'strings')
    }
    const ports = table.present[ENDPOINT.port]
    if (ports !== undefined) {
      for (let row = 0; row < table.rows; row++) {
        if (ports[row]! > MAX_PORT) table.refuse(ENDPOINT.port, row, MAX_PORT)
      }
    }
    const kinds = table.present[ENDPOINT.kind]
    if (kinds !== undefined) {
      mapRuns(kinds, table.rows, (kind) => {
        const text = dictionary.symbols.text(kind)
        return dictionary.symbols.intern(normalizeKind(text))
      })
    }
    this.#endpointIds = withRoom(this.#endpointIds, table.rows + 1)
    dictionary.endpoints(table.present, table.rows, this.#endpointIds)
  }

  #internFlows(dictionary: Dictionary): void {
    const table = this.#flows
    table.finish()
    for (let column = FLOW.destination + 1; column < table.present.length; column++) {
      table.resolve(column, this.strings, this.stringCount, 'strings')
    }
    table.resolve(FLOW.source, this.#endpointIds, this.#endpoints.rows, 'endpoints')
    table.resolve(FLOW.destination, this.#endpointIds, this.#endpoints.rows, 'endpoints')
    const flags = table.present[FLOW.flags]
    if (flags !== undefined) {
      for (let row = 0; row < table.rows; row++) {
        // A bit that a later version adds is ignored, as is what TLS would be where it is not known.
        const bits = flags[row]!
        flags[row] = bits & (bits & FLAG_TLS_KNOWN ? KNOWN_FLAGS : FLAG_OUTBOUND)
      }
    }
    this.flowIds = withRoom(this.flowIds, table.rows + 1)
    dictionary.flows(table.present, table.rows, this.flowIds)
  }

  #internOutcomes(dictionary: Dictionary): void {
    const table = this.#outcomes
    table.finish()
    table.resolve(3, this.strings, this.stringCount, 'strings')
    const statuses = table.column(0)
    const grpcStatuses = table.column(1)
    const resets = table.column(2)
    const reasons = table.column(3)
    this.outcomeIds = withRoom(this.outcomeIds, table.rows + 1)
    for (let row = 0; row < table.rows; row++) {
      if (statuses[row]! > MAX_STATUS + 1) table.refuse(0, row, MAX_STATUS + 1)
      if (grpcStatuses[row]! > MAX_STATUS + 1) table.refuse(1, row, MAX_STATUS + 1)
      if (resets[row]! > 1) table.refuse(2, row, 1)
      this.outcomeIds[row + 1] = dictionary.outcome(
        statuses[row]! - 1,
        grpcStatuses[row]! - 1,
        resets[row] === 1,
        reasons[row]!,
      )
    }
  }
}

/** Replaces each value of a column, asking once for a run of equal ones. Zeros stay. */
export function mapRuns(column: Int32Array, rows: number, meaning: (value: number) => number): void {
  let last = 0
  let mapped = 0
  for (let row = 0; row < rows; row++) {
    const value = column[row]!
    if (value !== last) {
      last = value
      mapped = meaning(value)
    }
    column[row] = mapped
  }
}

/** An array of at least `length`, of which nothing but the 0 at place 0 is kept. */
function withRoom(array: Int32Array<ArrayBuffer>, length: number): Int32Array<ArrayBuffer> {
  return array.length >= length ? array : new Int32Array(length * 2)
}
