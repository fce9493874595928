import { randomUUID } from 'node:crypto'
import type { Access } from '../access/access.ts'
import { formatTapQuery } from '../tap/format-tap-query.ts'
import type { TapQuery } from '../tap/tap-query.ts'
import type { TapCounts } from './tap-session.ts'

/** What is written down of a tap: who looked at what. Nothing of it is a secret, and nothing is of the events. */
export interface AuditEntry {
  readonly what: 'tap opened' | 'tap ended'
  /** Tells the two entries of a tap from those of others. */
  readonly tap: string
  readonly who: string
  /** How it is known who it is. */
  readonly by: 'anyone' | 'token' | 'jwt'
  /** The address that the connection came from. */
  readonly from: string
  /** In its canonical form, with what it may show. A header's value that it asks for is left out. */
  readonly query: string
  /** Of one that ended. */
  readonly forMs?: number
  readonly matched?: number
  readonly sent?: number
  readonly dropped?: number
  /** `client`, `server`, or the code of why it was ended. */
  readonly why?: string
}

export type Audit = (entry: AuditEntry) => void

/** Writes down that a tap is opened; what is returned, that it ended. */
export function auditTap(
  audit: Audit,
  { identity, name }: Access,
  from: string,
  query: TapQuery,
  now: () => number,
): (why: string, counts: TapCounts) => void {
  const about = { tap: randomUUID(), who: name, by: identity.kind, from, query: shown(query) }
  const startMs = now()
  audit({ what: 'tap opened', ...about })
  return (why, { matched, sent, dropped }) =>
    audit({ what: 'tap ended', ...about, forMs: now() - startMs, matched, sent, dropped, why })
}

function shown({ header, ...query }: TapQuery): string {
  return formatTapQuery(header === undefined ? query : { ...query, header: { name: header.name } })
}
