import { scopeName } from '../rollup/series.ts'
import { recentSince } from './plan.ts'
import { blocksInWindow, type RollupReader, type StatReads } from './rollup-reader.ts'
import type { StatColumns } from './stat-columns.ts'

/** What the rows of an answer count of connections, by row. */
export interface ConnectionTally {
  /** 1 where a proxy reported any in the window. */
  readonly isReported: Uint8Array
  readonly readBytes: Float64Array
  readonly writtenBytes: Float64Array
  /** NaN where it is not known. */
  readonly open: Float64Array
}

/** Adds connections up by row, as `tally` does requests. */
export async function tallyConnections(
  reader: RollupReader,
  read: StatReads,
  slotOf: Int32Array,
  slots: number,
): Promise<ConnectionTally> {
  const isReported = new Uint8Array(slots)
  const readBytes = new Float64Array(slots)
  const writtenBytes = new Float64Array(slots)
  for (const block of blocksInWindow(read)) {
    if (!block.isConnected) continue
    for (let row = 0; row < block.series.length; row++) {
      const slot = slotOf[block.series[row]!]!
      if (slot < 0 || block.connected[row] === 0) continue
      isReported[slot] = 1
      readBytes[slot]! += block.readBytes[row]!
      writtenBytes[slot]! += block.writtenBytes[row]!
    }
  }
  const open = await openConnections(reader, read, slotOf, slots)
  return { isReported, readBytes, writtenBytes, open }
}

/**
 * Open connections by row; NaN where no proxy reports any.
 *
 * The sum over series of what the proxy last said is open, if it said so in the last minute. For proxies that only
 * report openings and closings, the sum of these in the running totals, while the series was heard of in that time.
 */
async function openConnections(
  reader: RollupReader,
  read: StatReads,
  slotOf: Int32Array,
  slots: number,
): Promise<Float64Array> {
  const recent = recentConnections(read, slotOf)
  if (recent.counting.size > 0) {
    const { table } = read
    const scopes = new Set([...recent.counting].map((series) => scopeName(table.key(series).workload)))
    const totals = await reader.readTotals(read.survey, table, (scope) => scopes.has(scope))
    for (const [series, open] of countedOpen(totals, recent.counting)) recent.open.set(series, open)
  }
  const bySlot = new Float64Array(slots).fill(Number.NaN)
  for (const [series, open] of recent.open) {
    const slot = slotOf[series]!
    bySlot[slot] = (Number.isNaN(bySlot[slot]!) ? 0 : bySlot[slot]!) + open
  }
  return bySlot
}

interface RecentConnections {
  /** What proxies last said is open, by series. */
  readonly open: Map<number, number>
  /** Series that had connections in the last minute, of which nothing says how many are open. */
  readonly counting: Set<number>
}

/** Rows are joined by series before anything is decided, so that it does not matter how they lie in blocks. */
function recentConnections({ window, table, reads }: StatReads, slotOf: Int32Array): RecentConnections {
  const recents = reads.filter(({ recent }) => recent)
  if (!recents.some(({ columns }) => columns.isConnected)) return { open: new Map(), counting: new Set() }
  const isConnected = new Uint8Array(table.size)
  const last = new Float64Array(table.size)
  const registers = { open: new Float64Array(table.size), atMs: new Float64Array(table.size) }
  const met: number[] = []
  for (const { columns } of recents) {
    const { series, connected, open, openAtMs, lastMs } = columns
    for (let row = 0; row < series.length; row++) {
      const id = series[row]!
      if (slotOf[id]! < 0) continue
      if (lastMs[row]! > last[id]!) last[id] = lastMs[row]!
      if (connected[row] === 0) continue
      if (isConnected[id] === 0) met.push(id)
      isConnected[id] = 1
      if (openAtMs[row]! > 0) keepLatest(registers, id, open[row]!, openAtMs[row]!)
    }
  }
  const since = recentSince(window)
  const current = new Map<number, number>()
  const counting = new Set<number>()
  for (const id of met) {
    if (registers.atMs[id]! >= since) current.set(id, registers.open[id]!)
    else if (registers.atMs[id] === 0 && last[id]! >= since) counting.add(id)
  }
  return { open: current, counting }
}

/** The latest register wins; of two at the same time the larger, as rollups merge them. */
function keepLatest(
  registers: { readonly open: Float64Array; readonly atMs: Float64Array },
  series: number,
  open: number,
  atMs: number,
): void {
  const knownMs = registers.atMs[series]!
  if (knownMs > atMs || (knownMs === atMs && registers.open[series]! >= open)) return
  registers.open[series] = open
  registers.atMs[series] = atMs
}

/** Opened less closed, of the series that never said how many are open. */
function countedOpen(totals: readonly StatColumns[], wanted: ReadonlySet<number>): Map<number, number> {
  const counted = new Map<number, number>()
  const registered = new Set<number>()
  for (const { series, opened, closed, openAtMs } of totals) {
    for (let row = 0; row < series.length; row++) {
      const id = series[row]!
      if (!wanted.has(id)) continue
      if (openAtMs[row]! > 0) registered.add(id)
      counted.set(id, (counted.get(id) ?? 0) + opened[row]! - closed[row]!)
    }
  }
  for (const series of registered) counted.delete(series)
  // Openings before the totals began are not counted, their closings are.
  for (const [series, open] of counted) if (open < 0) counted.set(series, 0)
  return counted
}
