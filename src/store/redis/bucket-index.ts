import { randomBytes } from 'node:crypto'
import { StoreError } from '../rollup-store.ts'

/** Characters of a version, which are bytes too; a blob begins behind as many. */
export const VERSION_LENGTH = 12

/** A version that no commit has had. */
export function newVersion(): string {
  return randomBytes((VERSION_LENGTH / 4) * 3).toString('base64url')
}

/** What a hash of blobs holds. */
export interface BucketIndex {
  /** Of its last change. */
  readonly version: string
  readonly scopes: readonly { readonly scope: string; readonly version: string }[]
}

/** The index of a bucket that is not there. */
export const NO_INDEX: BucketIndex = { version: '', scopes: [] }

/**
 * Reads an index: a version, then in msgpack a map of scopes to versions as the scripts' `cmsgpack` writes it, which is
 * to say short forms wherever they fit.
 */
export function decodeIndex(index: Buffer): BucketIndex {
  const reader = new MapReader(index, VERSION_LENGTH)
  const count = reader.mapSize()
  const scopes = Array.from({ length: count }, () => {
    return { scope: reader.text(), version: reader.text() }
  })
  return { version: index.toString('latin1', 0, VERSION_LENGTH), scopes }
}

class MapReader {
  readonly #bytes: Buffer
  #at: number

  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes
    this.#at = at
  }

  mapSize(): number {
    const type = this.#uint(1)
    if (type >= 0x80 && type <= 0x8f) return type & 0x0f
    if (type === 0xde) return this.#uint(2)
    if (type === 0xdf) return this.#uint(4)
    return this.#fail(type)
  }

  text(): string {
    const type = this.#uint(1)
    const length =
      type >= 0xa0 && type <= 0xbf
        ? type & 0x1f
        : type === 0xd9
          ? this.#uint(1)
          : type === 0xda
            ? this.#uint(2)
            : type === 0xdb
              ? this.#uint(4)
              : this.#fail(type)
    this.#at += length
    return this.#bytes.toString('utf8', this.#at - length, this.#at)
  }

  #uint(bytes: 1 | 2 | 4): number {
    const value = this.#bytes.readUIntBE(this.#at, bytes)
    this.#at += bytes
    return value
  }

  #fail(type: number): never {
    const message = `an index of the rollup store is damaged: byte ${this.#at - 1} is 0x${type.toString(16)}`
    throw new StoreError('STORE_FORMAT', message)
  }
}
