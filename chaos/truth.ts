import {
  addCell,
  type Cell,
  cellOf,
  type Cells,
  count,
  latencyBucket,
  outcomeName,
  register,
} from './cell.ts'
import { type Call, type Outcome, type Series, seriesName } from './mesh.ts'

/** The tiers as DESIGN says them: a bucket's length, and how long it is kept after its end. */
export const TIERS = [
  { name: '10s', bucketMs: 10_000, keptMs: 600_000, hasPods: true },
  { name: '1m', bucketMs: 60_000, keptMs: 6 * 3_600_000, hasPods: true },
  { name: '10m', bucketMs: 600_000, keptMs: 7 * 86_400_000, hasPods: false },
] as const
export type TruthTier = (typeof TIERS)[number]

/** Whether a bucket is still there at a time. */
export function isKept(tier: TruthTier, startMs: number, nowMs: number): boolean {
  return startMs + tier.bucketMs + tier.keptMs > nowMs
}

export interface RequestMade {
  readonly kind: 'request'
  readonly call: Call
  readonly timeMs: number
  readonly path: string
  readonly outcome: Outcome
  readonly latencyMicros: number
  readonly requestBytes: number
  readonly responseBytes: number
}

export interface ConnectionMade {
  readonly kind: 'connection'
  readonly call: Call
  readonly timeMs: number
  readonly open: number
  readonly opened: number
  readonly closed: number
  readonly readBytes: number
  readonly writtenBytes: number
}

export type EventMade = RequestMade | ConnectionMade

/** A connection's series: the proxy knows nothing of requests. */
export function connectionSeries({ series }: Call): Series {
  return { ...series, authority: '', route: '', method: '' }
}

const names = new WeakMap<Call, { readonly request: string; readonly connection: string }>()

function namesOf(call: Call): { readonly request: string; readonly connection: string } {
  let known = names.get(call)
  if (known === undefined) {
    known = { request: seriesName(call.series), connection: seriesName(connectionSeries(call)) }
    names.set(call, known)
  }
  return known
}

/** Counts every event once, as it is made: what meshtap must come to, whatever happens on the way. */
export class Truth {
  requests = 0
  /** Requests that are reported inbound. */
  inbound = 0
  connections = 0
  /** By start of the 10 s of event time; the higher tiers are sums of these. */
  readonly #tenSeconds = new Map<number, Cells>()
  readonly #series = new Map<string, Series>()
  readonly #podless = new Map<string, string>()

  add(event: EventMade): void {
    const startMs = Math.floor(event.timeMs / 10_000) * 10_000
    let cells = this.#tenSeconds.get(startMs)
    if (cells === undefined) this.#tenSeconds.set(startMs, (cells = new Map()))
    const known = namesOf(event.call)
    const name = event.kind === 'request' ? known.request : known.connection
    if (!this.#series.has(name)) this.#learn(name, event)
    addEvent(cellOf(cells, name), event)
    if (event.kind === 'connection') this.connections++
    else this.requests++
    if (event.kind === 'request' && event.call.direction === 'inbound') this.inbound++
  }

  series(name: string): Series {
    return this.#series.get(name)!
  }

  totals(): Cells {
    return this.#sum([...this.#tenSeconds.values()], true)
  }

  /** Every bucket of a tier that is still kept at `nowMs`, by start. */
  buckets(tier: TruthTier, nowMs: number): Map<number, Cells> {
    const members = new Map<number, Cells[]>()
    for (const [tenMs, cells] of this.#tenSeconds) {
      const startMs = Math.floor(tenMs / tier.bucketMs) * tier.bucketMs
      if (!isKept(tier, startMs, nowMs)) continue
      const known = members.get(startMs)
      if (known === undefined) members.set(startMs, [cells])
      else known.push(cells)
    }
    return new Map([...members].map(([startMs, cells]) => [startMs, this.#sum(cells, tier.hasPods)]))
  }

  #sum(all: readonly Cells[], hasPods: boolean): Cells {
    const sum: Cells = new Map()
    for (const cells of all) {
      for (const [name, cell] of cells) addCell(cellOf(sum, hasPods ? name : this.#podless.get(name)!), cell)
    }
    return sum
  }

  #learn(name: string, { kind, call }: EventMade): void {
    const series = kind === 'request' ? call.series : connectionSeries(call)
    const podless = { ...series, pod: '' }
    this.#series.set(name, series).set(seriesName(podless), podless)
    this.#podless.set(name, seriesName(podless))
  }
}

const outcomeNames = new Map<Outcome, string>()

function addEvent(cell: Cell, event: EventMade): void {
  const { timeMs } = event
  if (timeMs < cell.firstMs) cell.firstMs = timeMs
  if (timeMs > cell.lastMs) cell.lastMs = timeMs
  const { sums } = cell
  if (event.kind === 'request') {
    let name = outcomeNames.get(event.outcome)
    if (name === undefined) outcomeNames.set(event.outcome, (name = outcomeName(event.outcome)))
    count(cell.outcomes, name, 1)
    count(cell.latencies, latencyBucket(event.latencyMicros), 1)
    sums.latencyMicros += event.latencyMicros
    sums.requestBytes += event.requestBytes
    sums.responseBytes += event.responseBytes
    return
  }
  sums.opened += event.opened
  sums.closed += event.closed
  sums.readBytes += event.readBytes
  sums.writtenBytes += event.writtenBytes
  register(cell, event.open, timeMs)
}

/** Sums of all cells of several, by series. */
export function summed(all: Iterable<Cells>): Cells {
  const sum: Cells = new Map()
  for (const cells of all) for (const [name, cell] of cells) addCell(cellOf(sum, name), cell)
  return sum
}
