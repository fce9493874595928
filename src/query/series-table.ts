import type { StatBlob } from '../rollup/stat-blob.ts'
import type { SeriesKey } from '../rollup/series.ts'
import type { OutcomeKey } from '../rollup/stat-block.ts'
import type { Facet, Label } from './facet.ts'

/** Bytes of a series besides its text: the objects of its key, its place in maps and columns. An estimate. */
const BYTES_A_SERIES = 400
/** The same of an outcome. */
const BYTES_AN_OUTCOME = 300
/** The same of a TLS identity. */
const BYTES_AN_IDENTITY = 100

/** The labels that one facet gives the series of a table. */
export interface FacetColumn<L extends Label> {
  /** The label of each series, as an index into `labels`; -1 where it has none. */
  readonly ids: Int32Array
  readonly labels: readonly L[]
}

/**
 * Series keys as small integers, so that blocks of many buckets and partitions are merged by array index, and what a
 * query asks of a key is worked out once and not once a block. So are the outcomes and identities that blocks keep apart.
 *
 * It only grows; its owner starts a new one when `bytes` grows too large.
 */
export class SeriesTable {
  readonly #ids = new Map<string, number>()
  readonly #keys: SeriesKey[] = []
  readonly #columns = new Map<string, GrowingColumn<Label>>()
  readonly #outcomeIds = new Map<string, number>()
  readonly #outcomes: OutcomeKey[] = []
  readonly #identityIds = new Map<string, number>()
  readonly #identities: string[] = []
  #tls = new Int8Array(1024)
  /** By place: the series of the blob read last, and the bytes that name them. */
  readonly #last = new Map<string, KnownSeries>()
  readonly #shown: (key: SeriesKey) => SeriesKey
  #bytes = 0

  /** `shown` is a key as answers show it; its id stays the same. */
  constructor(shown: (key: SeriesKey) => SeriesKey = (key) => key) {
    this.#shown = shown
  }

  get size(): number {
    return this.#keys.length
  }

  get bytes(): number {
    return this.#bytes
  }

  intern(key: SeriesKey): number {
    const known = this.#ids.get(key.id)
    if (known !== undefined) return known
    const id = this.#keys.push(this.#shown(key)) - 1
    this.#ids.set(key.id, id)
    this.#bytes += BYTES_A_SERIES + 2 * key.id.length
    if (id >= this.#tls.length) {
      const larger = new Int8Array(2 * this.#tls.length)
      larger.set(this.#tls)
      this.#tls = larger
    }
    this.#tls[id] = key.tls === undefined ? -1 : key.tls ? 1 : 0
    return id
  }

  /**
   * The series of a blob's rows. `place` is its source, partition and scope, the blobs of which mostly have the same
   * series, bucket after bucket: then its keys are not even decoded, which is a third of reading a blob (bench: stat).
   */
  internAll(place: string, blob: Pick<StatBlob, 'keyBytes' | 'keys'>): Int32Array {
    const known = this.#last.get(place)
    if (known?.keyBytes.every((bytes, i) => areEqual(bytes, blob.keyBytes[i]!)) === true) return known.series
    const series = Int32Array.from(blob.keys(), (key) => this.intern(key))
    // Copies: what was read may be a part of something larger.
    const last = { series, keyBytes: blob.keyBytes.map((bytes) => new Uint8Array(bytes)) }
    this.#bytes += bytesOf(last) - (known === undefined ? -2 * place.length : bytesOf(known))
    this.#last.set(place, last)
    return series
  }

  key(id: number): SeriesKey {
    const key = this.#keys[id]
    if (key === undefined) throw new RangeError(`BUG: no series ${id} in a table of ${this.#keys.length}`)
    return key
  }

  /** How many outcomes there are. */
  get outcomes(): number {
    return this.#outcomes.length
  }

  internOutcome(key: OutcomeKey): number {
    const text = `${key.status}/${key.grpcStatus}/${key.classification}/${key.reason}`
    const known = this.#outcomeIds.get(text)
    if (known !== undefined) return known
    const id = this.#outcomes.push(key) - 1
    this.#outcomeIds.set(text, id)
    this.#bytes += BYTES_AN_OUTCOME + 2 * text.length
    return id
  }

  outcome(id: number): OutcomeKey {
    const key = this.#outcomes[id]
    if (key === undefined)
      throw new RangeError(`BUG: no outcome ${id} in a table of ${this.#outcomes.length}`)
    return key
  }

  internIdentity(text: string): number {
    const known = this.#identityIds.get(text)
    if (known !== undefined) return known
    const id = this.#identities.push(text) - 1
    this.#identityIds.set(text, id)
    this.#bytes += BYTES_AN_IDENTITY + 2 * text.length
    return id
  }

  identity(id: number): string {
    const text = this.#identities[id]
    if (text === undefined)
      throw new RangeError(`BUG: no identity ${id} in a table of ${this.#identities.length}`)
    return text
  }

  /** Whether a series' requests go over TLS: 1, 0, or -1 where the proxy does not say. */
  tls(id: number): number {
    return this.#tls[id]!
  }

  /** The labels of all series that are in the table now. */
  column<L extends Label>(facet: Facet<L>): FacetColumn<L> {
    let column = this.#columns.get(facet.name)
    if (column === undefined) this.#columns.set(facet.name, (column = new GrowingColumn(facet)))
    column.extend(this.#keys)
    // A facet's name is unique, so the column under it was made by this facet.
    return column as unknown as FacetColumn<L>
  }
}

interface KnownSeries {
  readonly series: Int32Array
  readonly keyBytes: readonly Uint8Array[]
}

function bytesOf({ series, keyBytes }: KnownSeries): number {
  return BYTES_A_SERIES + series.byteLength + keyBytes.reduce((sum, { length }) => sum + length, 0)
}

function areEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && Buffer.compare(a, b) === 0
}

class GrowingColumn<L extends Label> {
  readonly labels: L[] = []
  ids = new Int32Array(0)
  readonly #facet: Facet<L>
  readonly #idOfLabel = new Map<string, number>()
  #filled = 0

  constructor(facet: Facet<L>) {
    this.#facet = facet
  }

  extend(keys: readonly SeriesKey[]): void {
    if (this.#filled === keys.length) return
    if (keys.length > this.ids.length) {
      const larger = new Int32Array(Math.max(keys.length, 2 * this.ids.length))
      larger.set(this.ids)
      this.ids = larger
    }
    for (let series = this.#filled; series < keys.length; series++) {
      this.ids[series] = this.#intern(this.#facet.label(keys[series]!))
    }
    this.#filled = keys.length
  }

  #intern(label: L | undefined): number {
    if (label === undefined) return -1
    const known = this.#idOfLabel.get(label.id)
    if (known !== undefined) return known
    const id = this.labels.push(label) - 1
    this.#idOfLabel.set(label.id, id)
    return id
  }
}
