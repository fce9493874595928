import type { Direction } from '../event/event.ts'
import type { Facet, Label } from './facet.ts'
import type { SeriesTable } from './series-table.ts'

/** A request is reported by two proxies: where one of them did, by `unit`, the other's reports are left out. */
export interface Preference {
  readonly direction: Direction
  /** Series without this label are counted whichever side they are from. */
  readonly unit: Facet<Label>
}

/** Which series count, and in which row. */
export interface Question<L extends Label> {
  /** What the rows are. */
  readonly group: Facet<L>
  /** Which of them; without it all. */
  readonly accepts?: (label: L) => boolean
  /** All must hold. */
  readonly filters?: readonly Filter[]
  /** Only reports of this side count. */
  readonly only?: Direction
  readonly prefer?: readonly Preference[]
  /** A last word on series that all of the above lets count. */
  readonly keeps?: (series: number) => boolean
}

/** A condition on a label; series without the label do not meet it. */
export interface Filter {
  readonly facet: Facet<Label>
  readonly accepts: (label: Label) => boolean
}

/** Binds a predicate to the kind of label that its facet gives. */
export function filterOn<L extends Label>(facet: Facet<L>, accepts: (label: L) => boolean): Filter {
  return { facet, accepts: (label) => accepts(label as L) }
}

/** The rows of an answer, by their labels, each with a number. */
export class Rows<L extends Label> {
  readonly labels: L[] = []
  readonly #slotById = new Map<string, number>()

  /** The row of a label's id; -1 where there is none. */
  find(id: string): number {
    return this.#slotById.get(id) ?? -1
  }

  /** The row of a label, made where it is new. */
  add(label: L): number {
    const known = this.#slotById.get(label.id)
    if (known !== undefined) return known
    const slot = this.labels.push(label) - 1
    this.#slotById.set(label.id, slot)
    return slot
  }
}

/** Sorts the series that are `present` into rows: each series' row, -1 where it counts in none. */
export function select<L extends Label>(
  question: Question<L>,
  table: SeriesTable,
  present: Int32Array,
  rows: Rows<L>,
): Int32Array {
  const slotOf = new Int32Array(table.size).fill(-1)
  if (present.length === 0) return slotOf
  const { group, accepts, only, keeps } = question
  const groups = table.column(group)
  const slotOfGroup = memo(groups.labels, (label) => (accepts?.(label) === false ? -1 : rows.add(label)))
  const filters = (question.filters ?? []).map((filter) => passing(filter, table))
  const preferences = (question.prefer ?? []).map((rule) => leavingOut(rule, table, present))
  for (const series of present) {
    const { direction } = table.key(series)
    if (only !== undefined && direction !== only) continue
    if (!filters.every((passes) => passes(series))) continue
    if (preferences.some((leavesOut) => leavesOut(series, direction))) continue
    if (keeps !== undefined && !keeps(series)) continue
    slotOf[series] = slotOfGroup(groups.ids[series]!)
  }
  return slotOf
}

function passing(filter: Filter, table: SeriesTable): (series: number) => boolean {
  const { ids, labels } = table.column(filter.facet)
  const passes = memo(labels, (label) => (filter.accepts(label) ? 1 : -1))
  return (series) => passes(ids[series]!) > 0
}

/** Whether a preference leaves a series out. */
function leavingOut(
  { direction, unit }: Preference,
  table: SeriesTable,
  present: Int32Array,
): (series: number, side: Direction) => boolean {
  const { ids, labels } = table.column(unit)
  const isReported = new Uint8Array(labels.length)
  for (const series of present) {
    if (ids[series]! >= 0 && table.key(series).direction === direction) isReported[ids[series]!] = 1
  }
  return (series, side) => side !== direction && ids[series]! >= 0 && isReported[ids[series]!] === 1
}

/** A function of labels by their index, worked out once each; -1 where there is no label. */
export function memo<L extends Label>(
  labels: readonly L[],
  of: (label: L) => number,
): (index: number) => number {
  const unknown = -2
  const known = new Int32Array(labels.length).fill(unknown)
  return (index) => {
    if (index < 0) return -1
    if (known[index] === unknown) known[index] = of(labels[index]!)
    return known[index]!
  }
}
