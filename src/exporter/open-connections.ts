import type { KeyColumns } from '../rollup/stat-blob.ts'

interface Registers {
  readonly slot: number
  counted: number
  open: number
  openAtMs: number
  lastMs: number
}

interface ConnectionRows {
  readonly opened: Float64Array
  readonly closed: Float64Array
  readonly open: Float64Array
  readonly openAtMs: Float64Array
  readonly lastMs: Float64Array
}

/**
 * How many connections are open, as `stat` tells it: what a series' proxy last said is open, or, of one that only reports
 * openings and closings, the difference of these. Decided series by series, and only then added up by label set.
 */
export class OpenConnections {
  readonly #series = new Map<string, Registers>()

  add(slot: number, keys: KeyColumns, row: number, from: ConnectionRows): void {
    const id = seriesId(slot, keys, row)
    let known = this.#series.get(id)
    if (known === undefined) {
      known = { slot, counted: 0, open: 0, openAtMs: 0, lastMs: 0 }
      this.#series.set(id, known)
    }
    known.counted += from.opened[row]! - from.closed[row]!
    known.lastMs = Math.max(known.lastMs, from.lastMs[row]!)
    const atMs = from.openAtMs[row]!
    if (atMs === 0 || atMs < known.openAtMs) return
    // Of two at the same time the larger, as rollups merge them.
    known.open = atMs === known.openAtMs ? Math.max(known.open, from.open[row]!) : from.open[row]!
    known.openAtMs = atMs
  }

  /** Of each of so many slots; NaN where no proxy was heard of since. */
  bySlot(slots: number, sinceMs: number): Float64Array {
    const open = new Float64Array(slots).fill(Number.NaN)
    for (const { slot, counted, open: said, openAtMs, lastMs } of this.#series.values()) {
      if ((openAtMs > 0 ? openAtMs : lastMs) < sinceMs) continue
      // Openings before the totals began are not counted, their closings are.
      const now = openAtMs > 0 ? said : Math.max(0, counted)
      open[slot] = (Number.isNaN(open[slot]!) ? 0 : open[slot]!) + now
    }
    return open
  }
}

/** What tells apart the series of a label set. */
function seriesId(slot: number, keys: KeyColumns, row: number): string {
  const { peer, route, method, flags, tables } = keys
  const { cluster, namespace, kind, name } = tables.workload(peer[row]!)
  const texts = [cluster, namespace, kind, name, tables.string(route[row]!), tables.string(method[row]!)]
  return `${slot}\u0000${texts.join('\u0000')}\u0000${flags[row]}`
}
