import type { Direction } from '../event/event.ts'
import { Exemplars } from './exemplars.ts'
import { Latencies } from './latencies.ts'
import { OutcomeCounts } from './outcome-counts.ts'
import { OVERFLOW, OVERFLOW_SCOPE, type Scope, scopeName, seriesKey, type SeriesKey } from './series.ts'
import type { OutcomeKey, StatBlock } from './stat-block.ts'
import { type IdentityEnd, TlsIdentities } from './tls-identities.ts'

/** How many series a rollup keeps apart; what exceeds a limit is counted in `__overflow__`, never dropped. */
export interface SeriesLimits {
  /** In one scope (a namespace of a cluster). */
  readonly perScope: number
  /** In all scopes together. */
  readonly overall: number
  /** Scopes; events of further ones count in the scope `__overflow__`. */
  readonly scopes: number
}

export const DEFAULT_SERIES_LIMITS: SeriesLimits = { perScope: 10_000, overall: 100_000, scopes: 1_000 }

export interface MergeOptions {
  /** The series that each row counts in: the tier without pods drops them. */
  readonly rename?: (key: SeriesKey) => SeriesKey
  /** Instead of the rows' own last times: when the totals heard of them, whatever the proxies' clocks say. */
  readonly heardMs?: number
  /** Whether traces are left out. */
  readonly withoutExemplars?: boolean
}

/** Sums a series keeps besides outcomes and latencies. Times are epoch milliseconds. */
interface Sums {
  latencySumMicros: number
  requestBytes: number
  responseBytes: number
  firstMs: number
  lastMs: number
}

interface ConnectionSums {
  /** -1 where the proxy does not say. */
  open: number
  atMs: number
  opened: number
  closed: number
  readBytes: number
  writtenBytes: number
}

interface ScopeSlots {
  readonly slots: number[]
  dirty: boolean
}

/**
 * A mutable rollup: the series of one bucket, or the running totals. Each series has a slot.
 *
 * It is a commutative monoid under `merge`, the empty rollup its identity: every quantity is a sum, a minimum, a
 * maximum, a register under a total order (the latest, the slowest) or the first few of a set. So folding, merging partitions and buckets, and re-reading after a
 * restart may happen in any order and grouping. The one exception is by design: which series a full rollup counts as
 * overflow depends on who came first; sums over all series do not.
 */
export class Rollup {
  readonly latencies = new Latencies()
  readonly outcomes = new OutcomeCounts()
  readonly exemplars = new Exemplars()
  readonly identities = new TlsIdentities()
  readonly #limits: SeriesLimits
  readonly #keys: SeriesKey[] = []
  readonly #slotById = new Map<string, number>()
  readonly #scopes = new Map<string, ScopeSlots>()
  readonly #scopeOfSlot: ScopeSlots[] = []
  #overflowed = 0

  #latencySumMicros = new Float64Array(16)
  #requestBytes = new Float64Array(16)
  #responseBytes = new Float64Array(16)
  #firstMs = new Float64Array(16)
  #lastMs = new Float64Array(16)
  #opened = new Float64Array(16)
  #closed = new Float64Array(16)
  #open = new Float64Array(16)
  #openAtMs = new Float64Array(16)
  #readBytes = new Float64Array(16)
  #writtenBytes = new Float64Array(16)

  constructor(limits: SeriesLimits = DEFAULT_SERIES_LIMITS) {
    this.#limits = limits
  }

  /** Series held, overflow series included. */
  get size(): number {
    return this.#keys.length
  }

  /** Times a series was turned away to overflow. */
  get overflowed(): number {
    return this.#overflowed
  }

  scopes(): string[] {
    return [...this.#scopes.keys()]
  }

  /** Scopes changed since they were last marked clean. */
  dirtyScopes(): string[] {
    return [...this.#scopes].filter(([, scope]) => scope.dirty).map(([name]) => name)
  }

  markClean(): void {
    for (const scope of this.#scopes.values()) scope.dirty = false
  }

  /** The slot of a series, made where it is new; that of its overflow series where a limit is reached. */
  slot(key: SeriesKey): number {
    const known = this.#slotById.get(key.id)
    if (known !== undefined) return known
    const name = scopeName(key.workload)
    const scope = this.#scopes.get(name)
    // Only the overflow series themselves exceed a limit, not what a sender calls by their name.
    if (scope === undefined && this.#scopes.size >= this.#limits.scopes && name !== OVERFLOW_SCOPE) {
      this.#overflowed++
      return this.slot(overflowKey({ cluster: OVERFLOW, namespace: OVERFLOW }, key.direction))
    }
    const { perScope, overall } = this.#limits
    if (this.#keys.length >= overall || (scope?.slots.length ?? 0) >= perScope) {
      const overflow = overflowKey(key.workload, key.direction)
      if (key.id !== overflow.id) {
        this.#overflowed++
        return this.slot(overflow)
      }
    }
    return this.#newSlot(key, name)
  }

  /** Adds one bucket of latencies and one outcome; `addSums` adds the rest. */
  addRequest(slot: number, outcome: number, bucket: number, count: number): void {
    this.latencies.add(slot, bucket, count)
    this.outcomes.add(slot, outcome, count)
  }

  addSums(slot: number, sums: Sums): void {
    this.#latencySumMicros[slot]! += sums.latencySumMicros
    this.#requestBytes[slot]! += sums.requestBytes
    this.#responseBytes[slot]! += sums.responseBytes
    this.#seen(slot, sums.firstMs, sums.lastMs)
  }

  addConnections(slot: number, sums: ConnectionSums): void {
    this.#opened[slot]! += sums.opened
    this.#closed[slot]! += sums.closed
    this.#readBytes[slot]! += sums.readBytes
    this.#writtenBytes[slot]! += sums.writtenBytes
    if (sums.open >= 0) this.#register(slot, sums.open, sums.atMs)
    this.#seen(slot, sums.atMs, sums.atMs)
  }

  /** Adds all of a block. */
  merge(block: StatBlock, options: MergeOptions = {}): void {
    const { rename, heardMs, withoutExemplars = false } = options
    const { exemplars, identities } = block
    let identity = 0
    let exemplar = withoutExemplars ? exemplars.row.length : 0
    const outcomes = block.outcomes.map((outcome) => this.outcomes.index(outcome))
    for (let row = 0; row < block.keys.length; row++) {
      const key = block.keys[row]!
      const slot = this.slot(rename === undefined ? key : rename(key))
      this.#scopeOfSlot[slot]!.dirty = true
      for (let i = block.outcomeStart[row]!; i < block.outcomeStart[row + 1]!; i++) {
        this.outcomes.add(slot, outcomes[block.outcomeIndex[i]!]!, block.outcomeCount[i]!)
      }
      for (let i = block.latencyStart[row]!; i < block.latencyStart[row + 1]!; i++) {
        this.latencies.add(slot, block.latencyIndex[i]!, block.latencyCount[i]!)
      }
      if (exemplars.row[exemplar] === row) this.exemplars.offerFrom(slot, exemplars, exemplar++)
      for (; identities.row[identity] === row; identity++)
        this.identities.offer(slot, identities.end[identity] as IdentityEnd, identities.identity[identity]!)
      this.#latencySumMicros[slot]! += block.latencySumMicros[row]!
      this.#requestBytes[slot]! += block.requestBytes[row]!
      this.#responseBytes[slot]! += block.responseBytes[row]!
      this.#opened[slot]! += block.opened[row]!
      this.#closed[slot]! += block.closed[row]!
      this.#readBytes[slot]! += block.readBytes[row]!
      this.#writtenBytes[slot]! += block.writtenBytes[row]!
      if (block.openAtMs[row] !== 0) this.#register(slot, block.open[row]!, block.openAtMs[row]!)
      this.#seen(slot, block.firstMs[row]!, heardMs ?? block.lastMs[row]!)
    }
  }

  /**
   * One scope's series as a block, sorted by key. Those of a pod of which nothing was seen since `idleSinceMs` are left out,
   * all of a direction together: sums over a pod's routes and peers are exposed as counters, which may end but not fall.
   */
  block(scope: string, idleSinceMs = Number.NEGATIVE_INFINITY): StatBlock {
    const slots = this.#slotsSince(this.#scopes.get(scope)?.slots ?? [], idleSinceMs)
    slots.sort((a, b) => (this.#keys[a]!.id < this.#keys[b]!.id ? -1 : 1))
    const column = (from: Float64Array) => Float64Array.from(slots, (slot) => from[slot]!)
    const outcomeStart = new Uint32Array(slots.length + 1)
    const latencyStart = new Uint32Array(slots.length + 1)
    slots.forEach((slot, row) => {
      outcomeStart[row + 1] = outcomeStart[row]! + this.outcomes.cells(slot)
      latencyStart[row + 1] = latencyStart[row]! + this.latencies.cells(slot)
    })
    const outcomeIndex = new Uint32Array(outcomeStart[slots.length]!)
    const outcomeCount = new Float64Array(outcomeStart[slots.length]!)
    const latencyIndex = new Uint16Array(latencyStart[slots.length]!)
    const latencyCount = new Float64Array(latencyStart[slots.length]!)
    slots.forEach((slot, row) => {
      this.outcomes.copy(slot, outcomeIndex, outcomeCount, outcomeStart[row]!)
      this.latencies.copy(slot, latencyIndex, latencyCount, latencyStart[row]!)
    })
    return {
      keys: slots.map((slot) => this.#keys[slot]!),
      outcomes: onlyUsed(this.outcomes.outcomes, outcomeIndex),
      outcomeStart,
      outcomeIndex,
      outcomeCount,
      latencyStart,
      latencyIndex,
      latencyCount,
      latencySumMicros: column(this.#latencySumMicros),
      exemplars: this.exemplars.of(slots),
      identities: this.identities.of(slots),
      requestBytes: column(this.#requestBytes),
      responseBytes: column(this.#responseBytes),
      firstMs: column(this.#firstMs),
      lastMs: column(this.#lastMs),
      opened: column(this.#opened),
      closed: column(this.#closed),
      open: column(this.#open),
      openAtMs: column(this.#openAtMs),
      readBytes: column(this.#readBytes),
      writtenBytes: column(this.#writtenBytes),
    }
  }

  #slotsSince(slots: readonly number[], idleSinceMs: number): number[] {
    if (idleSinceMs === Number.NEGATIVE_INFINITY) return [...slots]
    const reporterOf = (slot: number) => {
      const { workload, pod, direction } = this.#keys[slot]!
      return `${workload.kind}\u0000${workload.name}\u0000${pod}\u0000${direction}`
    }
    const live = new Set(slots.filter((slot) => this.#lastMs[slot]! >= idleSinceMs).map(reporterOf))
    return slots.filter((slot) => live.has(reporterOf(slot)))
  }

  #seen(slot: number, firstMs: number, lastMs: number): void {
    if (firstMs < this.#firstMs[slot]!) this.#firstMs[slot] = firstMs
    if (lastMs > this.#lastMs[slot]!) this.#lastMs[slot] = lastMs
    this.#scopeOfSlot[slot]!.dirty = true
  }

  /** The latest register wins; of two at the same time the larger, so that order does not matter. */
  #register(slot: number, open: number, atMs: number): void {
    const known = this.#openAtMs[slot]!
    if (atMs < known || (atMs === known && open <= this.#open[slot]!)) return
    this.#open[slot] = open
    this.#openAtMs[slot] = atMs
  }

  #newSlot(key: SeriesKey, scopeOfKey: string): number {
    const slot = this.#keys.push(key) - 1
    this.#slotById.set(key.id, slot)
    let scope = this.#scopes.get(scopeOfKey)
    if (scope === undefined) this.#scopes.set(scopeOfKey, (scope = { slots: [], dirty: true }))
    scope.slots.push(slot)
    this.#scopeOfSlot.push(scope)
    this.latencies.reserve(slot + 1)
    this.outcomes.reserve(slot + 1)
    if (slot >= this.#firstMs.length) {
      this.#latencySumMicros = doubled(this.#latencySumMicros)
      this.#requestBytes = doubled(this.#requestBytes)
      this.#responseBytes = doubled(this.#responseBytes)
      this.#firstMs = doubled(this.#firstMs)
      this.#lastMs = doubled(this.#lastMs)
      this.#opened = doubled(this.#opened)
      this.#closed = doubled(this.#closed)
      this.#open = doubled(this.#open)
      this.#openAtMs = doubled(this.#openAtMs)
      this.#readBytes = doubled(this.#readBytes)
      this.#writtenBytes = doubled(this.#writtenBytes)
    }
    this.#firstMs[slot] = Number.POSITIVE_INFINITY
    this.#lastMs[slot] = Number.NEGATIVE_INFINITY
    return slot
  }
}

/** The series that counts what a full rollup turns away, one a scope and direction. */
export function overflowKey(scope: Scope, direction: Direction): SeriesKey {
  const { cluster, namespace } = scope
  return seriesKey({
    workload: { cluster, namespace, kind: '', name: OVERFLOW },
    pod: '',
    direction,
    peer: { cluster: '', namespace: '', kind: '', name: OVERFLOW },
    service: '',
    authority: '',
    route: '',
    method: '',
    tls: undefined,
  })
}

/** The outcomes that a column of their numbers uses, which is changed to count them from 0. */
function onlyUsed(outcomes: readonly OutcomeKey[], column: Uint32Array): OutcomeKey[] {
  const used: OutcomeKey[] = []
  const numbers = new Map<number, number>()
  column.forEach((outcome, i) => {
    let number = numbers.get(outcome)
    if (number === undefined) {
      number = used.push(outcomes[outcome]!) - 1
      numbers.set(outcome, number)
    }
    column[i] = number
  })
  return used
}

function doubled(array: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(array.length * 2)
  larger.set(array)
  return larger
}
