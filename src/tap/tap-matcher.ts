import type { ClassificationRules } from '../event/classification.ts'
import type { Dictionary } from '../event/dictionary.ts'
import type { EventColumns } from '../event/event-columns.ts'
import type { FlowTableOptions } from '../rollup/flow-table.ts'
import { type CompiledTap, compileTap } from './compiled-tap.ts'
import {
  type CandidateLimits,
  type CandidateList,
  FlowCandidates,
  NOBODY,
  UNKNOWN,
} from './flow-candidates.ts'
import { isSameQuery } from './format-tap-query.ts'
import { hasHeader } from './predicates/header.ts'
import type { TapRegistration } from './tap-bus.ts'
import { TapIndex } from './tap-index.ts'

/** Told of a match: the tap by its position in what `setTaps` was given, the event by its index in the batch. */
export type OnMatch = (tap: number, event: number) => void

export interface TapMatcherOptions {
  /** As the fold has them, so that taps name things as `stat` does. */
  readonly flows: FlowTableOptions
  readonly rules?: ClassificationRules
  readonly limits?: CandidateLimits
}

/**
 * Finds the events that taps want, batch after batch.
 *
 * The hot path: an event of a flow that no tap wants costs one array read, however many taps there are. What a flow
 * decides is worked out once for it and remembered for as long as its dictionary and the set of taps live.
 */
export class TapMatcher {
  readonly #options: TapMatcherOptions
  #compiled = new Map<string, CompiledTap>()
  #index = new TapIndex([])
  /** Each partition of a worker has a dictionary of its own. What belongs to one goes with it. */
  #candidates = new WeakMap<Dictionary, FlowCandidates>()
  #seen = 0

  constructor(options: TapMatcherOptions) {
    this.#options = options
  }

  /** Requests of all batches so far, whether or not there was a tap. */
  get seen(): number {
    return this.#seen
  }

  /** Replaces the set of taps. */
  setTaps(taps: readonly TapRegistration[]): void {
    const before = this.#compiled
    this.#compiled = new Map(
      taps.map(({ id, query }) => {
        const known = before.get(id)
        const isKnown = known !== undefined && isSameQuery(known.query, query)
        return [id, isKnown ? known : compileTap(query, this.#options.rules)]
      }),
    )
    this.#index = new TapIndex(taps.map(({ id }) => this.#compiled.get(id)!))
    this.#candidates = new WeakMap()
  }

  match(columns: EventColumns, onMatch: OnMatch): void {
    const { requests } = columns
    this.#seen += requests
    if (this.#index.taps.length === 0) return
    const candidates = this.#candidatesOf(columns.dictionary)
    candidates.prepare()
    const { flow, outcome, latencyMicros } = columns
    const { ofFlow } = candidates
    const hasHeaders = columns.headers > 0
    for (let i = 0; i < requests; i++) {
      const f = flow[i]!
      let number = ofFlow[f]!
      if (number === NOBODY) continue
      if (number === UNKNOWN) number = candidates.resolveFlow(f)
      let list = candidates.lists[number]!
      if (list.isByOutcome) {
        // Undefined past the end, which is as good as unknown.
        number = list.outcomes[outcome[i]!]! || candidates.narrow(list, outcome[i]!)
        if (number === NOBODY) continue
        list = candidates.lists[number]!
      }
      const micros = latencyMicros[i]!
      if (micros >= list.plainMicros) this.#matchPlain(list, micros, i, onMatch)
      if (hasHeaders && micros >= list.byHeaderMicros) {
        this.#matchHeaders(candidates, list, columns, i, onMatch)
      }
    }
  }

  #matchPlain(list: CandidateList, micros: number, event: number, onMatch: OnMatch): void {
    const { taps } = this.#index
    for (const tap of list.plain) {
      if (micros < taps[tap]!.minLatencyMicros) return
      onMatch(tap, event)
    }
  }

  #matchHeaders(
    candidates: FlowCandidates,
    list: CandidateList,
    columns: EventColumns,
    event: number,
    onMatch: OnMatch,
  ): void {
    const first = columns.firstHeader(event)
    if (first === columns.headers || columns.headerEvent[first] !== event) return
    const micros = columns.latencyMicros[event]!
    const { taps } = this.#index
    for (const tap of list.byHeader) {
      if (micros < taps[tap]!.minLatencyMicros) return
      if (hasHeader(columns, event, first, candidates.header(tap))) onMatch(tap, event)
    }
  }

  #candidatesOf(dictionary: Dictionary): FlowCandidates {
    let candidates = this.#candidates.get(dictionary)
    if (candidates === undefined) {
      const { flows, limits } = this.#options
      candidates = new FlowCandidates(this.#index, dictionary, flows, limits)
      this.#candidates.set(dictionary, candidates)
    }
    return candidates
  }
}
