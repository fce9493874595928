import type { Dictionary } from '../../event/dictionary.ts'
import type { EventColumns } from '../../event/event-columns.ts'
import type { HeaderFilter } from '../tap-query.ts'

/** A filter by the symbols of one dictionary. */
export interface HeaderSymbols {
  readonly name: number
  /** -1 where any value will do. */
  readonly value: number
}

export function headerSymbols(dictionary: Dictionary, { name, value }: HeaderFilter): HeaderSymbols {
  const { symbols } = dictionary
  return { name: symbols.intern(name), value: value === undefined ? -1 : symbols.intern(value) }
}

/** Whether a request has the header, on either side; `first` is `columns.firstHeader(index)`. */
export function hasHeader(
  columns: EventColumns,
  index: number,
  first: number,
  { name, value }: HeaderSymbols,
): boolean {
  for (let at = first; at < columns.headers && columns.headerEvent[at] === index; at++) {
    if (columns.headerName[at] !== name) continue
    if (value < 0 || columns.headerValue[at] === value) return true
  }
  return false
}
