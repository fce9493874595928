import type { Label } from './facet.ts'
import { seriesHaving } from './series-having.ts'
import { allBlocks, type StatReads } from './rollup-reader.ts'
import { type Question, Rows, select } from './select.ts'

/** The rows of an answer, and in which of them each series counts: its requests, and its connections. */
export interface SeriesRows<L extends Label> {
  readonly rows: Rows<L>
  readonly requests: Int32Array
  readonly connections: Int32Array
  /** All series that were read; those with requests and connections are there twice. */
  readonly present: readonly Int32Array[]
}

/**
 * Sorts what was read into rows. Which side's reports count is decided of requests and of connections apart: a proxy
 * that reports the one need not report the other.
 */
export function seriesRows<L extends Label>(
  read: StatReads,
  questionOf: (present: Int32Array) => Question<L>,
): SeriesRows<L> {
  const { table } = read
  const blocks = allBlocks(read)
  const rows = new Rows<L>()
  const requesting = seriesHaving(blocks, table, 'requesting')
  const requests = select(questionOf(requesting), table, requesting, rows)
  const connected = seriesHaving(blocks, table, 'connecting')
  const connections = select(questionOf(connected), table, connected, rows)
  return { rows, requests, connections, present: [requesting, connected] }
}

/** As `seriesRows`, for answers that tell nothing of connections. */
export function requestRows<L extends Label>(
  read: StatReads,
  question: Question<L>,
): Pick<SeriesRows<L>, 'rows' | 'requests'> {
  const rows = new Rows<L>()
  const requesting = seriesHaving(allBlocks(read), read.table, 'requesting')
  return { rows, requests: select(question, read.table, requesting, rows) }
}
