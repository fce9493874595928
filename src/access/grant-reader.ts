import { type ValuePlace, ValueReader } from '../document/value-reader.ts'
import { ALLOWANCES, type Allowance, type Grant } from './grant.ts'

/** Reads the grants that files and claims give, collecting all that is wrong with them. */
export class GrantReader extends ValueReader {
  /** The fields that make a grant, of an object that may have others. */
  grant(fields: Readonly<Record<string, unknown>>, at: ValuePlace): Grant {
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
