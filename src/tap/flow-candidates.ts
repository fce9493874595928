import type { Dictionary } from '../event/dictionary.ts'
import type { FlowTableOptions } from '../rollup/flow-table.ts'
import type { CompiledTap } from './compiled-tap.ts'
import { type FlowView, FlowViews } from './flow-view.ts'
import { type HeaderSymbols, headerSymbols } from './predicates/header.ts'
import type { TapIndex } from './tap-index.ts'

/** Lists, their taps, and their outcomes that are remembered for one dictionary; past that they are forgotten. */
export interface CandidateLimits {
  readonly lists: number
  readonly taps: number
  readonly outcomes: number
}

const DEFAULT_CANDIDATE_LIMITS: CandidateLimits = { lists: 16_384, taps: 1 << 20, outcomes: 1 << 20 }

/** Not worked out yet. */
export const UNKNOWN = 0

/** The list without taps. */
export const NOBODY = 1

/** Taps that may want an event, each by its position in the index. Those with a header filter come apart. */
export interface CandidateList {
  /** By least latency, ascending: the first that wants a longer one ends the search. */
  readonly plain: readonly number[]
  readonly byHeader: readonly number[]
  /** The least that any of `plain`, and any of `byHeader`, wants; infinite where there is none. */
  readonly plainMicros: number
  readonly byHeaderMicros: number
  /** Whether some want only certain outcomes. */
  readonly isByOutcome: boolean
  /** Number of the list for each outcome, where that matters and as far as it is long. */
  outcomes: Int32Array
}

const NONE = new Int32Array(0)

const EMPTY: CandidateList = {
  plain: [],
  byHeader: [],
  plainMicros: Number.POSITIVE_INFINITY,
  byHeaderMicros: Number.POSITIVE_INFINITY,
  isByOutcome: false,
  outcomes: NONE,
}

/**
 * Which taps may want the events of a flow, and of a flow and an outcome: worked out once for one dictionary and one set
 * of taps, then an array look-up.
 */
export class FlowCandidates {
  readonly index: TapIndex
  readonly #dictionary: Dictionary
  readonly #views: FlowViews
  readonly #limits: CandidateLimits
  readonly #headers: (HeaderSymbols | undefined)[] = []
  /** Number of a flow's list, for all flows that there were at the last `prepare`. */
  ofFlow = new Int32Array(0)
  /** By number. Numbers are valid until the next call of `resolveFlow` or `narrow`. */
  lists: CandidateList[] = []
  readonly #numbers = new Map<string, number>()
  #taps = 0
  #outcomes = 0
  /** How often all was forgotten because there was too much of it. */
  resets = 0

  constructor(
    index: TapIndex,
    dictionary: Dictionary,
    flows: FlowTableOptions,
    limits: CandidateLimits = DEFAULT_CANDIDATE_LIMITS,
  ) {
    this.index = index
    this.#dictionary = dictionary
    this.#views = new FlowViews(dictionary, flows)
    this.#limits = limits
    this.#forget()
  }

  /** Makes room for all flows of the dictionary. */
  prepare(): void {
    const { flowCount } = this.#dictionary
    if (flowCount <= this.ofFlow.length) return
    const larger = new Int32Array(Math.max(256, flowCount * 2))
    larger.set(this.ofFlow)
    this.ofFlow = larger
  }

  /** Works out the list of a flow and answers its number. */
  resolveFlow(flow: number): number {
    const view: FlowView = this.#views.view(flow)
    const number = this.#intern(this.index.wanting(view))
    this.ofFlow[flow] = number
    return number
  }

  /** Works out the list of those of a list's taps that want an outcome too, and answers its number. */
  narrow(list: CandidateList, outcome: number): number {
    const wanting = [...list.plain, ...list.byHeader].filter(
      (tap) => this.#compiled(tap).wantsOutcome?.(this.#dictionary, outcome) !== false,
    )
    if (outcome >= list.outcomes.length) this.#growOutcomes(list)
    // Its taps have seen the outcome already: it is another list than one of the same taps whose outcomes matter.
    const number = this.#intern(wanting, 'narrowed')
    list.outcomes[outcome] = number
    return number
  }

  /** A tap's header filter in the dictionary's symbols. */
  header(tap: number): HeaderSymbols {
    return (this.#headers[tap] ??= headerSymbols(this.#dictionary, this.#compiled(tap).header!))
  }

  #compiled(tap: number): CompiledTap {
    return this.index.taps[tap]!
  }

  #leastMicros(byLatency: readonly number[]): number {
    return byLatency.length === 0 ? Number.POSITIVE_INFINITY : this.#compiled(byLatency[0]!).minLatencyMicros
  }

  /** Makes room for all outcomes of the dictionary. If that is too much, the list given is among what is forgotten. */
  #growOutcomes(list: CandidateList): void {
    const rows = list.outcomes
    const larger = new Int32Array(Math.max(16, this.#dictionary.outcomeCount))
    larger.set(rows)
    list.outcomes = larger
    this.#outcomes += larger.length - rows.length
    if (this.#outcomes > this.#limits.outcomes) this.#reset()
  }

  /** The number of the list of these taps, of which the same always come in the same order. */
  #intern(taps: readonly number[], kind: 'flow' | 'narrowed' = 'flow'): number {
    if (taps.length === 0) return NOBODY
    const matters = kind === 'flow' && taps.some((tap) => this.#compiled(tap).wantsOutcome !== undefined)
    const key = `${matters ? 'o' : ''}${taps.join(',')}`
    const known = this.#numbers.get(key)
    if (known !== undefined) return known
    if (this.lists.length >= this.#limits.lists || this.#taps + taps.length > this.#limits.taps) this.#reset()
    const byLatency = taps.toSorted(
      (a, b) => this.#compiled(a).minLatencyMicros - this.#compiled(b).minLatencyMicros,
    )
    const plain = byLatency.filter((tap) => this.#compiled(tap).header === undefined)
    const byHeader = byLatency.filter((tap) => this.#compiled(tap).header !== undefined)
    const number = this.lists.push({
      plain,
      byHeader,
      plainMicros: this.#leastMicros(plain),
      byHeaderMicros: this.#leastMicros(byHeader),
      isByOutcome: matters,
      outcomes: NONE,
    })
    this.#taps += taps.length
    this.#numbers.set(key, number - 1)
    return number - 1
  }

  #reset(): void {
    this.resets++
    this.#forget()
  }

  #forget(): void {
    this.lists = [EMPTY, EMPTY]
    this.#numbers.clear()
    this.#taps = 0
    this.#outcomes = 0
    this.ofFlow.fill(UNKNOWN)
  }
}
