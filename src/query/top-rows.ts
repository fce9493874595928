import type { Direction } from '../event/event.ts'
import type { TopRow } from './answer.ts'
import { labelId, workloadId } from './facet.ts'
import type { Peer } from './target.ts'

/** Rows held before all but the heaviest are let go. */
const MAX_HELD = 10_000

/** The heaviest rows of any number, in bounded memory. */
export class TopRows {
  readonly #limit: number
  #rows: TopRow[] = []

  constructor(limit: number) {
    this.#limit = limit
  }

  /** Rows held; 0 only if none was added. */
  get size(): number {
    return this.#rows.length
  }

  add(row: TopRow): void {
    this.#rows.push(row)
    if (this.#rows.length >= MAX_HELD) this.#rows = this.take()
  }

  /** By count, descending; of equal counts in the order of their texts. */
  take(): TopRow[] {
    const ranked = this.#rows.map((row) => ({ row, id: rowId(row) }))
    ranked.sort((a, b) => b.row.count - a.row.count || (a.id < b.id ? -1 : 1))
    return ranked.slice(0, this.#limit).map(({ row }) => row)
  }
}

/** Whose reports `top` counts: the destination's, and only of a source that is asked for by `to`, its own. */
export function topDirection(peer: Peer | undefined): Direction {
  return peer?.role === 'to' ? 'outbound' : 'inbound'
}

function rowId({ source, destination, method, path }: TopRow): string {
  return labelId(workloadId(source), workloadId(destination), method, path)
}
