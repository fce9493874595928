import { ALLOWANCES, type Allowance, type Grant } from './grant.ts'

/** What is wrong at a place in nested values. */
export interface ValueFault {
  readonly at: readonly (string | number)[]
  readonly message: string
}

/** Longest pattern, characters, and most of them in a list. */
const MAX_TEXT = 256
const MAX_LIST = 1000

/** Reads what files and claims say, collecting all that is wrong with it. */
export class GrantReader {
  readonly faults: ValueFault[] = []

  /** The fields that make a grant, of an object that may have others. */
  grant(fields: Readonly<Record<string, unknown>>, at: ValueFault['at']): Grant {
    const namespaces = this.texts(fields['namespaces'], [...at, 'namespaces'])
    if (fields['namespaces'] === undefined)
      this.fault(at, "lacks namespaces: a list of names and patterns, ['*'] for all")
    const clusters =
      fields['clusters'] === undefined ? ['*'] : this.texts(fields['clusters'], [...at, 'clusters'])
    if (fields['allow'] === undefined) this.fault(at, `lacks allow: a list of ${ALLOWANCES.join(', ')}`)
    const words = this.texts(fields['allow'], [...at, 'allow'])
    words.forEach((word, i) => {
      if (isAllowance(word)) return
      this.fault([...at, 'allow', i], `${JSON.stringify(word)} is none of ${ALLOWANCES.join(', ')}`)
    })
    return { clusters, namespaces, allow: new Set(words.filter(isAllowance)) }
  }

  /** The fields of an object, none of which is unknown. */
  fields(value: unknown, known: readonly string[], at: ValueFault['at']): Readonly<Record<string, unknown>> {
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

  list(value: unknown, at: ValueFault['at']): readonly unknown[] {
    if (value === undefined) return []
    if (Array.isArray(value) && value.length <= MAX_LIST) return value as readonly unknown[]
    this.fault(at, `must be a list of at most ${MAX_LIST}`)
    return []
  }

  texts(value: unknown, at: ValueFault['at']): readonly string[] {
    return this.list(value, at).flatMap((text, i) => {
      if (typeof text === 'string' && text !== '' && text.length <= MAX_TEXT) return [text]
      this.fault([...at, i], `must be a text of 1 to ${MAX_TEXT} characters`)
      return []
    })
  }

  fault(at: ValueFault['at'], message: string): void {
    this.faults.push({ at, message })
  }
}

function isAllowance(word: string): word is Allowance {
  return ALLOWANCES.some((known) => known === word)
}

const GRANT_FIELDS = ['clusters', 'namespaces', 'allow'] as const

/** The grants that a token's claim makes. Throws a RangeError that says what is wrong with it. */
export function grantsOfClaim(claim: unknown): readonly Grant[] {
  const reader = new GrantReader()
  const grants = reader
    .list(claim, [])
    .map((value, i) => reader.grant(reader.fields(value, GRANT_FIELDS, [i]), [i]))
  const [fault] = reader.faults
  if (fault !== undefined) throw new RangeError(`${fault.at.join('.') || 'it'} ${fault.message}`)
  return grants
}
