import { FieldTable } from './field-table.ts'
import { type JsonScanner, nameWords } from './json-scanner.ts'

/**
 * Reads the names of an object's members as numbers of known fields.
 *
 * A sender writes its fields in one order. So the name that followed the last one before is tried first, which costs a
 * few comparisons; only another name is scanned and looked up.
 */
export class MemberNames {
  readonly #table: FieldTable
  readonly #words: readonly Int32Array[]
  readonly #lengths: readonly number[]
  /** By number of a field: the number of the one that came after it; the last place is for the first in an object. */
  readonly #after: Int8Array
  #previous = 0

  constructor(names: readonly string[]) {
    this.#table = new FieldTable(names)
    this.#words = names.map(nameWords)
    this.#lengths = names.map((name) => name.length + 2)
    this.#after = new Int8Array(names.length + 1).fill(-1)
  }

  /** Begins an object. */
  begin(): void {
    this.#previous = this.#lengths.length
  }

  /** Reads a name and its colon: the field's number, -1 for a name that is not known. */
  read(scanner: JsonScanner): number {
    const guess = this.#after[this.#previous]!
    if (guess >= 0 && scanner.takeName(this.#words[guess]!, this.#lengths[guess]!)) {
      this.#previous = guess
      return guess
    }
    scanner.name()
    const field = this.#table.find(scanner.text, scanner.textStart, scanner.textEnd)
    if (field >= 0) {
      this.#after[this.#previous] = field
      this.#previous = field
    }
    return field
  }
}
