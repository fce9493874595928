import type { BatchNumber } from '../event/batch-number.ts'
import { CONTENT_TYPES } from '../event/content-type.ts'
import type { DecodeFault } from '../event/decode-error.ts'
import { Dictionary } from '../event/dictionary.ts'
import { encodeEventBatch } from '../event/event-batch-encoder.ts'
import { EventColumns } from '../event/event-columns.ts'
import { HttpProblem } from '../http/problem.ts'
import type { LogRecord } from '../log/event-log.ts'
import { type BodyCodec, decodeBody } from './body-codec.ts'
import { copyConnection, copyRequest } from './copy-rows.ts'
import { ProxyGroups } from './proxy-groups.ts'
import { recordNumber } from './request-number.ts'

/** Columns that grew beyond this many rows are given up after use. */
const KEPT_ROWS = 65_536

export interface MadeRecords {
  readonly records: readonly LogRecord[]
  readonly events: number
  readonly unknownFields: number
  /** Spans that are no request, and log records or entries that are none. */
  readonly skippedSpans: number
  /** Length of the body that they were made of. */
  readonly bodyBytes: number
}

/**
 * Makes log records of bodies.
 *
 * An `EventBatch` goes into the log as it came where that keeps its meaning: a numbered one always, under its producer's
 * key, one of a single proxy under the proxy's. Everything else is encoded anew, one batch a proxy. The records of a
 * body that was numbered from outside are numbered in their headers: the same body gives the same records with the
 * same numbers, as long as `recordBytes` is the same.
 */
export class RecordMaker {
  readonly #recordBytes: number
  readonly #groups = new ProxyGroups()
  #columns = new EventColumns(new Dictionary())

  constructor(recordBytes: number) {
    this.#recordBytes = recordBytes
  }

  /** Throws a problem (400, 413) where the body is malformed or does not fit records. */
  make(codec: BodyCodec, bytes: Uint8Array, number?: BatchNumber): MadeRecords {
    const columns = this.#decode(codec, bytes)
    return {
      records: this.#records(codec, bytes, columns, number),
      events: columns.requests + columns.connections,
      unknownFields: columns.unknownFields,
      skippedSpans: columns.skipped,
      bodyBytes: bytes.length,
    }
  }

  #decode(codec: BodyCodec, bytes: Uint8Array): EventColumns {
    let columns = this.#emptyColumns()
    let result = decodeBody(codec, bytes, columns)
    if (result.kind === 'malformed' && columns.dictionary.overfull) {
      // Its keys may collide with those of bodies before it, and with none in a dictionary of its own.
      columns = this.#emptyColumns()
      result = decodeBody(codec, bytes, columns)
    }
    if (result.kind === 'malformed') throw malformed(result.fault)
    return columns
  }

  #records(
    codec: BodyCodec,
    bytes: Uint8Array,
    columns: EventColumns,
    number: BatchNumber | undefined,
  ): readonly LogRecord[] {
    const isBatch = codec === 'eventBatch'
    if (isBatch && columns.producer !== '' && (columns.sequence > 0 || number === undefined)) {
      if (bytes.length > this.#recordBytes) throw numberedTooLarge(bytes.length, this.#recordBytes)
      return [batchRecord(columns.producer, bytes)]
    }
    const records: LogRecord[] = []
    const groups = new Map<string, number>()
    this.#groups.forEach(columns, (key, events) => {
      const place = number === undefined ? { key } : numberedPlace(key, number, groups)
      if (isBatch && events === columns && bytes.length <= this.#recordBytes)
        records.push(batchRecord(place.key, bytes, place.headers?.('')))
      else this.#encode(place, '', events, records)
    })
    return records
  }

  /** Appends the records of one proxy's events, halving them until they fit. */
  #encode(place: RecordPlace, part: string, events: EventColumns, records: LogRecord[]): void {
    const value = encodeEventBatch(events)
    if (value.length <= this.#recordBytes) {
      records.push(batchRecord(place.key, value, place.headers?.(part)))
      return
    }
    if (events.requests + events.connections < 2) throw eventTooLarge(value.length, this.#recordBytes)
    for (const [i, half] of halves(events).entries()) this.#encode(place, `${part}${i}`, half, records)
  }

  #emptyColumns(): EventColumns {
    const { dictionary, flow } = this.#columns
    if (dictionary.overfull) this.#columns = new EventColumns(new Dictionary())
    else if (flow.length > KEPT_ROWS) this.#columns = new EventColumns(dictionary)
    else this.#columns.clear()
    return this.#columns
  }
}

/** Where one proxy's events go. */
interface RecordPlace {
  readonly key: string | undefined
  /** What numbers one of the parts that they are split into. */
  readonly headers?: (part: string) => Readonly<Record<string, string>>
}

/** `groups` counts the body's groups by key: reporters that differ may have the same. */
function numberedPlace(
  key: string | undefined,
  number: BatchNumber,
  groups: Map<string, number>,
): RecordPlace {
  // Without a key it might go to another partition the next time.
  const known = key ?? number.producer
  const group = groups.get(known) ?? 0
  groups.set(known, group + 1)
  return { key: known, headers: (part) => recordNumber(number, { key: known, group, part }) }
}

function batchRecord(
  key: string | undefined,
  value: Uint8Array,
  number?: Readonly<Record<string, string>>,
): LogRecord {
  return {
    ...(key === undefined ? {} : { key }),
    value,
    headers: { 'content-type': CONTENT_TYPES.eventBatch, ...number },
  }
}

function malformed({ reason, at, message }: DecodeFault): Error {
  // A bug of ours, and not the sender's fault.
  if (reason === 'internal') return new Error(`BUG: cannot decode a body: ${message}`)
  return new HttpProblem(400, 'BODY_MALFORMED', `${at}: ${message}`, { at })
}

function halves(events: EventColumns): [EventColumns, EventColumns] {
  const parts: [EventColumns, EventColumns] = [
    new EventColumns(events.dictionary),
    new EventColumns(events.dictionary),
  ]
  for (let i = 0; i < events.requests; i++) copyRequest(events, i, parts[i * 2 < events.requests ? 0 : 1])
  for (let i = 0; i < events.connections; i++) {
    // The other way round, so that one request and one connection part.
    copyConnection(events, i, parts[i * 2 < events.connections ? 1 : 0])
  }
  return parts
}

function numberedTooLarge(bytes: number, limit: number): HttpProblem {
  return new HttpProblem(
    413,
    'RECORD_TOO_LARGE',
    `a numbered batch is one record of the log, of at most ${limit} bytes, not ${bytes}; number smaller ones`,
  )
}

function eventTooLarge(bytes: number, limit: number): HttpProblem {
  return new HttpProblem(
    413,
    'RECORD_TOO_LARGE',
    `an event alone needs ${bytes} bytes, and a record of the log has at most ${limit}; leave headers out`,
  )
}
