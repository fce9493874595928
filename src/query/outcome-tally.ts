import type { OutcomeKey } from '../rollup/stat-block.ts'
import type { StatColumns } from './stat-columns.ts'

/** Counts held as an array, 8 MiB; where there are more places, only those that count anything are held. */
const MAX_PLACES = 1024 * 1024

/** An outcome of one row, and how many requests had it. */
export interface OutcomeCount {
  readonly outcome: OutcomeKey
  readonly requests: number
}

/** Adds up by row how requests ended, but for successes without a reason: see `StatColumns.ended`. */
export function tallyOutcomes(
  blocks: readonly StatColumns[],
  slotOf: Int32Array,
  slots: number,
  maxPlaces: number = MAX_PLACES,
): OutcomeCount[][] {
  const { numbers, outcomes } = outcomesOf(blocks)
  const width = outcomes.length
  const places = slots * width
  const dense = places <= maxPlaces ? new Float64Array(places) : undefined
  const sparse = new Map<number, number>()
  for (const { series, endedRow, endedHow, ended } of blocks) {
    for (let i = 0; i < endedRow.length; i++) {
      const slot = slotOf[series[endedRow[i]!]!]!
      if (slot < 0) continue
      const place = slot * width + numbers[endedHow[i]!]!
      if (dense === undefined) sparse.set(place, (sparse.get(place) ?? 0) + ended[i]!)
      else dense[place]! += ended[i]!
    }
  }
  const rows: OutcomeCount[][] = Array.from({ length: slots }, () => [])
  for (const [place, requests] of dense?.entries() ?? sparse) {
    if (requests > 0) rows[Math.floor(place / width)]!.push({ outcome: outcomes[place % width]!, requests })
  }
  return rows
}

/** The distinct outcomes of blocks of one table, and the number of each by its id there. */
function outcomesOf(blocks: readonly StatColumns[]): {
  readonly numbers: Int32Array
  readonly outcomes: readonly OutcomeKey[]
} {
  const numbers = new Int32Array(blocks[0]?.table.outcomes ?? 0).fill(-1)
  const outcomes: OutcomeKey[] = []
  for (const { table, endedHow } of blocks) {
    for (const id of endedHow) {
      if (numbers[id]! < 0) numbers[id] = outcomes.push(table.outcome(id)) - 1
    }
  }
  return { numbers, outcomes }
}
