import { decode, decodeBy, type DecodeResult } from '../event/decode.ts'
import { DecodeError } from '../event/decode-error.ts'
import { Dictionary } from '../event/dictionary.ts'
import { EventColumns } from '../event/event-columns.ts'
import type { StoredRecord } from '../log/event-log.ts'

/** Puts flows that name their workloads in place of those of a batch. May throw a DecodeError where there is no room. */
export type Identify = (columns: EventColumns, defaultCluster: string) => void

/** Decodes the value of a record that does not say what it is. Throws a DecodeError. */
export type BareFormat = (bytes: Uint8Array, columns: EventColumns) => void

export interface RecordDecoderOptions {
  /** Cluster of endpoints that name none. */
  readonly defaultCluster: string
  readonly identify?: Identify
  /** What records without a content type are; JSON where it is left out. */
  readonly bareFormat?: BareFormat
}

/** Decodes records of a log one after the other with one dictionary, which a new one replaces when it is full. */
export class RecordDecoder {
  readonly #options: RecordDecoderOptions
  #columns = new EventColumns(new Dictionary())

  constructor(options: RecordDecoderOptions) {
    this.#options = options
  }

  /** The events of the record last decoded; other columns with another dictionary now and then. */
  get columns(): EventColumns {
    return this.#columns
  }

  decode(record: StoredRecord): DecodeResult {
    if (this.#columns.dictionary.overfull) this.#renew()
    const result = this.#decode(record)
    if (result.kind === 'decoded' || !this.#columns.dictionary.overfull) return result
    // The fault may be that the record found no room, which is not the record's.
    this.#renew()
    return this.#decode(record)
  }

  #decode({ headers, value }: StoredRecord): DecodeResult {
    const { identify, defaultCluster, bareFormat } = this.#options
    const columns = this.#columns
    const contentType = headers['content-type']
    const result =
      contentType === undefined && bareFormat !== undefined
        ? decodeBy(() => bareFormat(value, columns), columns)
        : decode(contentType, value, columns)
    if (identify === undefined || result.kind === 'malformed') return result
    try {
      identify(this.#columns, defaultCluster)
      return result
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      return { kind: 'malformed', fault: error.fault }
    }
  }

  #renew(): void {
    this.#columns = new EventColumns(new Dictionary())
  }
}
