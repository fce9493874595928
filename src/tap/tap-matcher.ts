import type { ClassificationRules } from '../event/classification.ts'
import type { Dictionary } from '../event/dictionary.ts'
import type { EventColumns } from '../event/event-columns.ts'
import type { FlowTableOptions } from '../rollup/flow-table.ts'
import { type CompiledTap, compileTap } from './compiled-tap.ts'
import { type CandidateLimits, type CandidateList, FlowCandidates } from './flow-candidates.ts'
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
  /** Events of the batch at hand, by index; used again for the next. */
  #wanted = new Int32Array(0)
  #seen = 0
  #resets = 0

  constructor(options: TapMatcherOptions) {
    this.#options = options
  }

  /** Requests of all batches so far, whether or not there was a tap. */
  get seen(): number {
    return this.#seen
  }

  /** How often what was remembered of a dictionary was forgotten because there was too much of it. */
  get resets(): number {
    return this.#resets
  }

  /** Replaces the set of taps. */
  setTaps(taps: readonly TapRegistration[]): void {
    const before = this.#compiled
    this.#compiled = new Map(
      taps.map(({ id, query }) => {
        const known = before.get(id)
        const isKnown = known !== undefined && isSameQuery(known.query, query)
        return [id, isKnown ? known : compileTap(query, this.#options.flows.redaction)]
      }),
    )
    this.#index = new TapIndex(taps.map(({ id }) => this.#compiled.get(id)!))
    this.#candidates = new WeakMap()
  }

  /** `defaultCluster` is of events that name none, always the same for one dictionary; left out it is that of the options. */
  match(columns: EventColumns, onMatch: OnMatch, defaultCluster?: string): void {
    this.#seen += columns.requests
    if (this.#index.taps.length === 0) return
    const candidates = this.#candidatesOf(columns.dictionary, defaultCluster)
    candidates.prepare()
    const count = this.#findWanted(candidates, columns)
    const { flow, outcome, latencyMicros, headers } = columns
    const { taps } = this.#index
    const wanted = this.#wanted
    for (let at = 0; at < count; at++) {
      const i = wanted[at]!
      const { plain, byHeader } = candidates.candidates(flow[i]!, outcome[i]!)
      const micros = latencyMicros[i]!
      for (let n = 0; n < plain.length; n++) {
        const tap = plain[n]!
        if (micros < taps[tap]!.minLatencyMicros) break
        onMatch(tap, i)
      }
      if (headers > 0 && byHeader.length > 0) this.#matchHeaders(candidates, byHeader, columns, i, onMatch)
    }
  }

  /**
   * Puts the events that some tap may want into `#wanted` and answers how many they are. Most batches end here, so it
   * is a loop without calls or branches.
   */
  #findWanted(candidates: FlowCandidates, columns: EventColumns): number {
    const { requests, flow, outcome, latencyMicros } = columns
    const { ofFlow, ofOutcome, table, shift } = candidates
    const least = columns.headers > 0 ? candidates.least : candidates.leastPlain
    if (this.#wanted.length < requests) this.#wanted = new Int32Array(Math.max(requests, 4096))
    const wanted = this.#wanted
    let count = 0
    for (let i = 0; i < requests; i++) {
      wanted[count] = i
      const list = table[(ofFlow[flow[i]!]! << shift) | ofOutcome[outcome[i]!]!]!
      count += latencyMicros[i]! < least[list]! ? 0 : 1
    }
    return count
  }

  #matchHeaders(
    candidates: FlowCandidates,
    byHeader: CandidateList['byHeader'],
    columns: EventColumns,
    event: number,
    onMatch: OnMatch,
  ): void {
    const first = columns.firstHeader(event)
    if (first === columns.headers || columns.headerEvent[first] !== event) return
    const micros = columns.latencyMicros[event]!
    const { taps } = this.#index
    for (const tap of byHeader) {
      if (micros < taps[tap]!.minLatencyMicros) return
      if (hasHeader(columns, event, first, candidates.header(tap))) onMatch(tap, event)
    }
  }

  #candidatesOf(dictionary: Dictionary, cluster: string | undefined): FlowCandidates {
    let candidates = this.#candidates.get(dictionary)
    if (candidates === undefined) {
      const { rules, limits } = this.#options
      const flows =
        cluster === undefined ? this.#options.flows : { ...this.#options.flows, defaultCluster: cluster }
      const onReset = () => this.#resets++
      candidates = new FlowCandidates({ index: this.#index, dictionary, flows, rules, limits, onReset })
      this.#candidates.set(dictionary, candidates)
    }
    return candidates
  }
}
