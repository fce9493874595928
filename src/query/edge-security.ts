import { CLIENT } from '../rollup/tls-identities.ts'
import type { EdgeLabel } from './edge-question.ts'
import { edgeSlots } from './edge-question.ts'
import { blocksInWindow, type StatReads } from './rollup-reader.ts'
import type { Rows } from './select.ts'

/** Most identities of an end that an answer has of an edge. */
const MAX_IDENTITIES = 8

/** Who showed which certificate on edges, by their rows: identities in order of their text. */
export interface EdgeIdentities {
  readonly clients: (row: number) => readonly string[]
  readonly servers: (row: number) => readonly string[]
}

/**
 * The identities of edges, from the reports of both sides: the one that counts requests may not be the one that saw the
 * certificates. Of an end of which a series knows nothing else, its identity is not told.
 */
export function edgeIdentities(read: StatReads, rows: Rows<EdgeLabel>): EdgeIdentities {
  const { table } = read
  const slotOf = edgeSlots(table, rows)
  const clients = new Map<number, Set<string>>()
  const servers = new Map<number, Set<string>>()
  for (const { series, identityRow, identityEnd, identity } of blocksInWindow(read)) {
    for (let i = 0; i < identityRow.length; i++) {
      const slot = slotOf(series[identityRow[i]!]!)
      if (slot < 0) continue
      const { direction, peer } = table.key(series[identityRow[i]!]!)
      const isClient = identityEnd[i] === CLIENT
      const isOfPeer = isClient === (direction === 'inbound')
      if (isOfPeer && peer.name === '') continue
      const ends = isClient ? clients : servers
      const known = ends.get(slot)
      if (known === undefined) ends.set(slot, new Set([table.identity(identity[i]!)]))
      else known.add(table.identity(identity[i]!))
    }
  }
  const of = (ends: ReadonlyMap<number, ReadonlySet<string>>) => (row: number) =>
    [...(ends.get(row) ?? [])].sort().slice(0, MAX_IDENTITIES)
  return { clients: of(clients), servers: of(servers) }
}

/**
 * The share of requests over TLS of edges whose counting side does not know it, as the other side does; by row, null where
 * neither does.
 */
export function securedByEither(read: StatReads, rows: Rows<EdgeLabel>): readonly (number | null)[] {
  const { table } = read
  const slotOf = edgeSlots(table, rows)
  const known = new Float64Array(rows.labels.length)
  const secured = new Float64Array(rows.labels.length)
  for (const { series, requests } of blocksInWindow(read)) {
    for (let row = 0; row < series.length; row++) {
      const tls = table.tls(series[row]!)
      const slot = tls < 0 ? -1 : slotOf(series[row]!)
      if (slot < 0) continue
      known[slot]! += requests[row]!
      if (tls === 1) secured[slot]! += requests[row]!
    }
  }
  return Array.from(known, (count, slot) => (count === 0 ? null : secured[slot]! / count))
}
