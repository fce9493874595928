/** Which end of a request an identity is of. */
export const CLIENT = 0
export const SERVER = 1
export type IdentityEnd = typeof CLIENT | typeof SERVER

/** Most identities that a series keeps of an end: the first by their text. */
export const IDENTITIES_AN_END = 4

/** The TLS identities of a block's series, as columns; ascending by row, end and text. Immutable once made. */
export interface IdentityColumns {
  /** Rows of the block. */
  readonly row: Uint32Array
  /** `CLIENT` or `SERVER`. */
  readonly end: Uint8Array
  readonly identity: readonly string[]
}

export const NO_IDENTITIES: IdentityColumns = {
  row: new Uint32Array(0),
  end: new Uint8Array(0),
  identity: [],
}

type Ends = readonly [client: string[], server: string[]]

/**
 * Who showed which certificate, by slot: of each end the `IDENTITIES_AN_END` that come first among all that were seen.
 *
 * The first few of a union of sets, and so a commutative, associative and idempotent monoid. Only slots that have one take
 * memory.
 */
export class TlsIdentities {
  readonly #ends = new Map<number, Ends>()

  /** Offers an identity of an end; an empty one is none. */
  offer(slot: number, end: IdentityEnd, identity: string): void {
    if (identity === '') return
    let ends = this.#ends.get(slot)
    if (ends === undefined) this.#ends.set(slot, (ends = [[], []]))
    const known = ends[end]
    const at = known.findIndex((other) => other >= identity)
    if (at >= 0 && known[at] === identity) return
    known.splice(at < 0 ? known.length : at, 0, identity)
    if (known.length > IDENTITIES_AN_END) known.pop()
  }

  /** Those of some slots, which are the rows of a block. */
  of(slots: readonly number[]): IdentityColumns {
    if (this.#ends.size === 0) return NO_IDENTITIES
    const row: number[] = []
    const end: number[] = []
    const identity: string[] = []
    slots.forEach((slot, at) => {
      this.#ends.get(slot)?.forEach((known, which) => {
        for (const text of known) {
          row.push(at)
          end.push(which)
          identity.push(text)
        }
      })
    })
    return { row: Uint32Array.from(row), end: Uint8Array.from(end), identity }
  }
}
