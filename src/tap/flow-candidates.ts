import type { ClassificationRules } from '../event/classification.ts'
import type { Dictionary } from '../event/dictionary.ts'
import type { FlowTableOptions } from '../rollup/flow-table.ts'
import type { CompiledTap } from './compiled-tap.ts'
import { FlowViews } from './flow-view.ts'
import { OutcomeClasses } from './outcome-classes.ts'
import { type HeaderSymbols, headerSymbols } from './predicates/header.ts'
import type { TapIndex } from './tap-index.ts'

/** What is remembered for one dictionary; past that all of it is forgotten and worked out anew. */
export interface CandidateLimits {
  readonly lists: number
  /** Of all lists together. */
  readonly taps: number
  /** Lists times classes of outcomes. */
  readonly cells: number
}

const DEFAULT_CANDIDATE_LIMITS: CandidateLimits = { lists: 16_384, taps: 1 << 20, cells: 1 << 20 }

export interface FlowCandidatesOptions {
  readonly index: TapIndex
  readonly dictionary: Dictionary
  readonly flows: FlowTableOptions
  readonly rules?: ClassificationRules | undefined
  readonly limits?: CandidateLimits | undefined
  readonly onReset?: () => void
}

/** Number of what is not worked out yet. */
const UNKNOWN = 0

/** Number of the list without taps. */
const NOBODY = 1

/** Taps that may want an event, each by its position in the index. Those with a header filter come apart. */
export interface CandidateList {
  /** By least latency, ascending: the first that wants a longer one ends the search. */
  readonly plain: readonly number[]
  readonly byHeader: readonly number[]
}

const EMPTY: CandidateList = { plain: [], byHeader: [] }

const NEVER = Number.POSITIVE_INFINITY

/**
 * Which taps may want an event, by its flow and its outcome: worked out once for one dictionary and one set of taps, then
 * array reads: an event need not be looked at where its latency is below
 * `least[table[(ofFlow[flow] << shift) | ofOutcome[outcome]]]`.
 */
export class FlowCandidates {
  readonly #options: FlowCandidatesOptions
  readonly #limits: CandidateLimits
  readonly #views: FlowViews
  readonly #outcomes: OutcomeClasses
  readonly #headers: (HeaderSymbols | undefined)[] = []
  /** Number of the list of taps that want a flow, for all flows that there were at the last `prepare`. */
  ofFlow = new Int32Array(0)
  /** For each list a row of `1 << shift` cells, one an outcome's class: the number of the list of those that want both. */
  table = new Int32Array(0)
  shift = 4
  /** By list, the least latency that any of its taps wants: -1 where that is not worked out, infinite where there is none. */
  least = new Float64Array(0)
  /** The same over taps without a header filter. */
  leastPlain = new Float64Array(0)
  #lists: CandidateList[] = []
  readonly #numbers = new Map<string, number>()
  #taps = 0

  constructor(options: FlowCandidatesOptions) {
    this.#options = options
    this.#limits = options.limits ?? DEFAULT_CANDIDATE_LIMITS
    this.#views = new FlowViews(options.dictionary, options.flows)
    this.#outcomes = new OutcomeClasses(options.dictionary, options.rules ?? {})
    this.#forget()
  }

  get ofOutcome(): Int32Array {
    return this.#outcomes.ofOutcome
  }

  /** Makes room for all flows and outcomes of the dictionary. */
  prepare(): void {
    const { flowCount } = this.#options.dictionary
    if (flowCount > this.ofFlow.length) {
      const larger = new Int32Array(Math.max(256, flowCount * 2))
      larger.set(this.ofFlow)
      this.ofFlow = larger
    }
    this.#outcomes.prepare()
    if (this.#outcomes.classes.length > 1 << this.shift) {
      while (this.#outcomes.classes.length > 1 << this.shift) this.shift++
      this.#forget()
    }
  }

  /** The taps that may want an event of this flow and outcome. */
  candidates(flow: number, outcome: number): CandidateList {
    const outcomeClass = this.ofOutcome[outcome]!
    const known = this.table[(this.ofFlow[flow]! << this.shift) | outcomeClass]!
    return known === UNKNOWN ? this.#resolve(flow, outcomeClass) : this.#lists[known]!
  }

  /** A tap's header filter in the dictionary's symbols. */
  header(tap: number): HeaderSymbols {
    return (this.#headers[tap] ??= headerSymbols(this.#options.dictionary, this.#compiled(tap).header!))
  }

  #compiled(tap: number): CompiledTap {
    return this.#options.index.taps[tap]!
  }

  #resolve(flow: number, outcomeClass: number): CandidateList {
    if (this.#isFull()) this.#reset()
    const row = this.ofFlow[flow]! || this.#intern(this.#options.index.wanting(this.#views.view(flow)))
    this.ofFlow[flow] = row
    const { plain, byHeader } = this.#lists[row]!
    const outcome = this.#outcomes.classes[outcomeClass]!
    const wanting = [...plain, ...byHeader].filter(
      (tap) => this.#compiled(tap).wantsOutcome?.(outcome) !== false,
    )
    const number = this.#intern(wanting)
    this.table[(row << this.shift) | outcomeClass] = number
    return this.#lists[number]!
  }

  /** The number of the list of these taps. */
  #intern(taps: readonly number[]): number {
    if (taps.length === 0) return NOBODY
    const key = taps.join(',')
    const known = this.#numbers.get(key)
    if (known !== undefined) return known
    const byLatency = taps.toSorted(
      (a, b) => this.#compiled(a).minLatencyMicros - this.#compiled(b).minLatencyMicros,
    )
    const plain = byLatency.filter((tap) => this.#compiled(tap).header === undefined)
    const byHeader = byLatency.filter((tap) => this.#compiled(tap).header !== undefined)
    const number = this.#lists.push({ plain, byHeader }) - 1
    this.#taps += taps.length
    this.#numbers.set(key, number)
    if (number === this.least.length) this.#growLists()
    this.least[number] = this.#compiled(byLatency[0]!).minLatencyMicros
    this.leastPlain[number] = plain.length === 0 ? NEVER : this.#compiled(plain[0]!).minLatencyMicros
    return number
  }

  #growLists(): void {
    const lists = Math.max(64, 2 * this.least.length)
    this.least = copied(this.least, new Float64Array(lists))
    this.leastPlain = copied(this.leastPlain, new Float64Array(lists))
    this.table = copied(this.table, new Int32Array(lists << this.shift))
  }

  #isFull(): boolean {
    const { lists, taps, cells } = this.#limits
    return this.#lists.length >= lists || this.#taps > taps || this.#lists.length << this.shift > cells
  }

  #reset(): void {
    this.#options.onReset?.()
    this.#forget()
  }

  #forget(): void {
    this.#lists = [EMPTY, EMPTY]
    this.#numbers.clear()
    this.#taps = 0
    this.least = Float64Array.of(-1, NEVER)
    this.leastPlain = Float64Array.of(-1, NEVER)
    this.table = new Int32Array(2 << this.shift)
    this.table.fill(NOBODY, NOBODY << this.shift)
    this.ofFlow.fill(UNKNOWN)
  }
}

function copied<A extends Int32Array | Float64Array>(from: A, to: A): A {
  to.set(from)
  return to
}
