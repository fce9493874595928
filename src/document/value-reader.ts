/** Where a value is in nested ones. */
export type ValuePlace = readonly (string | number)[]

/** What is wrong at a place. */
export interface ValueFault {
  readonly at: ValuePlace
  readonly message: string
}

/** Longest text, characters, and most values in a list. */
const MAX_TEXT = 256
const MAX_LIST = 1000

/** Reads what files and claims say, collecting all that is wrong with it. */
export class ValueReader {
  readonly faults: ValueFault[] = []
  readonly #maxList: number

  constructor(maxList: number = MAX_LIST) {
    this.#maxList = maxList
  }

  /** The fields of an object, none of which is unknown. */
  fields(value: unknown, known: readonly string[], at: ValuePlace): Readonly<Record<string, unknown>> {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      this.fault(at, `must have keys and values: ${known.join(', ')}`)
      return {}
    }
    for (const name of Object.keys(value)) {
      if (!known.includes(name))
        this.fault([...at, name], `there is no ${name} here, only ${known.join(', ')}`)
    }
    return value as Readonly<Record<string, unknown>>
  }

  list(value: unknown, at: ValuePlace): readonly unknown[] {
    if (value === undefined) return []
    if (Array.isArray(value) && value.length <= this.#maxList) return value as readonly unknown[]
    this.fault(at, `must be a list of at most ${this.#maxList}`)
    return []
  }

  texts(value: unknown, at: ValuePlace): readonly string[] {
    return this.list(value, at).flatMap((text, i) => {
      const read = this.text(text, [...at, i])
      return read === undefined ? [] : [read]
    })
  }

  /** Undefined where it is none, which then is a fault. */
  text(value: unknown, at: ValuePlace): string | undefined {
    if (typeof value === 'string' && value !== '' && value.length <= MAX_TEXT) return value
    this.fault(at, `must be a text of 1 to ${MAX_TEXT} characters`)
    return undefined
  }

  fault(at: ValuePlace, message: string): void {
    this.faults.push({ at, message })
  }
}
