import type { Direction } from '../event/event.ts'
import { OVERFLOW, OVERFLOW_SCOPE, type Workload } from './series.ts'
import type { TopBlock, TopKey, TopSketchState } from './top-block.ts'
import { DEFAULT_TOP_CAPACITY, type TopDelta, TopSketch } from './top-sketch.ts'

export interface TopLimits {
  /** Keys a destination. */
  readonly capacity: number
  /**
   * Destinations a bucket; calls to further ones count for the destination `__overflow__` of their scope, where that
   * has any other, else of the scope `__overflow__`.
   */
  readonly destinations: number
}

export const DEFAULT_TOP_LIMITS: TopLimits = { capacity: DEFAULT_TOP_CAPACITY, destinations: 20_000 }

const OVERFLOW_DESTINATION: Workload = { cluster: '', namespace: '', kind: '', name: OVERFLOW }

interface ScopeSketches {
  readonly sketches: Map<string, TopSketch>
  dirty: boolean
}

/** The top sketches of one bucket, by scope and destination. A monoid as `Rollup` is, within the sketches' error. */
export class TopRollup {
  readonly #limits: TopLimits
  readonly #scopes = new Map<string, ScopeSketches>()
  #destinations = 0
  /** What `add` was given last, and where that went: events come in runs of one destination. */
  #lastScope = ''
  #lastDirection: Direction = 'inbound'
  #lastDestination: Workload | undefined
  #lastHome: ScopeSketches | undefined
  #lastSketch: TopSketch | undefined

  constructor(limits: TopLimits = DEFAULT_TOP_LIMITS) {
    this.#limits = limits
  }

  add(
    scope: string,
    direction: Direction,
    destination: Workload,
    id: string,
    key: TopKey,
    delta: TopDelta,
  ): void {
    const isLast =
      destination === this.#lastDestination && direction === this.#lastDirection && scope === this.#lastScope
    if (isLast) this.#lastHome!.dirty = true
    const sketch = isLast ? this.#lastSketch! : this.#sketch(scope, direction, destination)
    sketch.add(id, key, delta)
  }

  merge(scope: string, block: TopBlock): void {
    for (const state of block.sketches) this.#sketch(scope, state.direction, state.destination).merge(state)
  }

  dirtyScopes(): string[] {
    return [...this.#scopes].filter(([, scope]) => scope.dirty).map(([name]) => name)
  }

  scopes(): string[] {
    return [...this.#scopes.keys()]
  }

  markClean(): void {
    for (const scope of this.#scopes.values()) scope.dirty = false
  }

  /** Forgets what exceeds the sketches' capacities: after a number of `add`s. */
  prune(): void {
    for (const scope of this.#scopes.values()) {
      if (scope.dirty) for (const sketch of scope.sketches.values()) sketch.prune()
    }
  }

  block(scope: string): TopBlock {
    const sketches: TopSketchState[] = []
    for (const sketch of this.#scopes.get(scope)?.sketches.values() ?? []) sketches.push(sketch.state())
    sketches.sort((a, b) => (destinationId(a) < destinationId(b) ? -1 : 1))
    return { sketches }
  }

  #sketch(scopeName: string, direction: Direction, destination: Workload): TopSketch {
    let scope = this.#scopes.get(scopeName)
    const id = destinationId({ direction, destination })
    const known = scope?.sketches.get(id)
    if (this.#destinations >= this.#limits.destinations && known === undefined) {
      // Only these sketches exceed the limit: one a direction in each scope that there is, and in one for all others.
      const place = scope === undefined ? OVERFLOW_SCOPE : scopeName
      const isOverflow = id === destinationId({ direction, destination: OVERFLOW_DESTINATION })
      if (place !== scopeName || !isOverflow) return this.#sketch(place, direction, OVERFLOW_DESTINATION)
    }
    if (scope === undefined) this.#scopes.set(scopeName, (scope = { sketches: new Map(), dirty: true }))
    scope.dirty = true
    let sketch = known
    if (sketch === undefined) {
      this.#destinations++
      sketch = new TopSketch(direction, destination, this.#limits.capacity)
      scope.sketches.set(id, sketch)
    }
    this.#lastScope = scopeName
    this.#lastDirection = direction
    this.#lastDestination = destination
    this.#lastHome = scope
    this.#lastSketch = sketch
    return sketch
  }
}

function destinationId(sketch: { readonly direction: Direction; readonly destination: Workload }): string {
  const { cluster, namespace, kind, name } = sketch.destination
  return `${sketch.direction}\0${cluster}\0${namespace}\0${kind}\0${name}`
}
