import type { ClassificationRules } from '../event/classification.ts'
import type { RequestEvent } from '../event/event.ts'
import type { EventColumns } from '../event/event-columns.ts'
import { requestAt } from '../event/event-objects.ts'
import type { FlowTableOptions } from '../rollup/flow-table.ts'
import { DEFAULT_REDACTION } from '../rollup/redaction.ts'
import { CandidateSampler } from './candidate-sampler.ts'
import { isSameQuery } from './format-tap-query.ts'
import { HeldBudget } from './lowest.ts'
import { redact } from './redaction.ts'
import { WORKER_SLICE_MS } from './sampling.ts'
import type {
  EventPlace,
  RecordPlace,
  EvaluatedRange,
  TapBus,
  TapCandidate,
  TapFrame,
  TapRegistration,
} from './tap-bus.ts'
import { TapMatcher } from './tap-matcher.ts'
import { compileTapView, eventWithin, type TapView } from './tap-view.ts'
import * as timers from './timers.ts'

/** A tap that matches nothing says how much was seen this often. */
const SEEN_MS = 1000

const RETRY_MS = 1000

/** Frames of one tap that the bus has not taken yet; until it does, the sampler goes on choosing. */
const MAX_IN_FLIGHT = 4

/** Events held for all taps together beyond what is due to a slice; what is more is left out of the samples. */
const DEFAULT_MAX_HELD = 50_000

export interface TapPublisherOptions {
  readonly bus: TapBus
  /** As the fold has them. */
  readonly flows: FlowTableOptions
  readonly rules?: ClassificationRules
  readonly maxHeld?: number
  /** Epoch milliseconds. */
  readonly now?: () => number
  /** Uniform in [0, 1). */
  readonly random?: () => number
  readonly every?: timers.Every
  readonly after?: timers.After
  /** Told when the bus fails. Nothing stops for it. */
  readonly onTrouble?: (error: unknown) => void
}

/** Counts since the publisher was opened, but for `taps` and `held`, which are as of now. */
export interface TapPublisherStats {
  readonly taps: number
  /** Events held beyond what is due to a slice. */
  readonly held: number
  readonly frames: number
  readonly events: number
  /** Frames that the bus did not take: lost. */
  readonly publishErrors: number
  readonly watchErrors: number
  /** How often what was remembered of a partition's flows had to be forgotten, because it was too much. */
  readonly cacheResets: number
}

/** An event that may be published. The object is made at its batch's end, unless something displaced it by then. */
interface Held {
  readonly priority: number
  /** In the batch; -1 once displaced. */
  index: number
  event: RequestEvent | undefined
  readonly place: EventPlace | undefined
}

interface TapState {
  readonly registration: TapRegistration
  readonly sampler: CandidateSampler<Held>
  /** Of a tap that does not show everything. */
  readonly view: TapView | undefined
  /** What the matcher had seen when the last frame said so. */
  seen: number
  framedMs: number
  inFlight: number
  /** By partition, the offset up to which frames have told. */
  readonly told: Map<string, number>
}

/** A worker's end of taps: matches what it folds against the taps of the bus, and publishes a sample of what matches. */
export class TapPublisher {
  readonly #options: TapPublisherOptions
  readonly #now: () => number
  readonly #random: () => number
  readonly #matcher: TapMatcher
  readonly #budget: HeldBudget
  #taps: readonly TapState[] = []
  #accepted: Held[] = []
  /** By partition, the offset after the last record that was observed. */
  readonly #reached = new Map<string, number>()
  #place: RecordPlace | undefined
  #unwatch: (() => void) | undefined
  #cancelRetry: (() => void) | undefined
  #cancelTicks: (() => void) | undefined
  #isClosed = false
  #counts = { frames: 0, events: 0, publishErrors: 0, watchErrors: 0 }

  private constructor(options: TapPublisherOptions) {
    this.#options = options
    this.#now = options.now ?? Date.now
    this.#random = options.random ?? Math.random
    this.#budget = new HeldBudget(options.maxHeld ?? DEFAULT_MAX_HELD)
    const { flows, rules } = options
    this.#matcher = new TapMatcher(rules === undefined ? { flows } : { flows, rules })
  }

  /** Begins to watch the bus. When that fails it is tried again every second, and there are no taps until then. */
  static async open(options: TapPublisherOptions): Promise<TapPublisher> {
    const publisher = new TapPublisher(options)
    await publisher.#watch()
    return publisher
  }

  get stats(): TapPublisherStats {
    const { resets } = this.#matcher
    return { taps: this.#taps.length, held: this.#budget.held, ...this.#counts, cacheResets: resets }
  }

  /**
   * Takes a decoded batch in. The batch may be filled anew afterwards. `defaultCluster` is the cluster of events that name
   * none, where it is not the one of the options: then the events published name it, for nobody else could. `place` is the
   * record that the batch is of.
   */
  observe(columns: EventColumns, defaultCluster?: string, place?: RecordPlace): void {
    this.#place = place
    if (place !== undefined) this.#reach(place)
    this.#matcher.match(columns, this.#onMatch, defaultCluster)
    if (this.#accepted.length > 0) this.#settle(columns, defaultCluster)
  }

  /** Ends a slice of time. Called by the publisher's own timer while there are taps. */
  tick(): void {
    const nowMs = this.#now()
    for (const tap of this.#taps) if (tap.inFlight < MAX_IN_FLIGHT) this.#flush(tap, nowMs)
  }

  /** Stops watching. Idempotent; what is still held is dropped. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#cancelRetry?.()
    this.#unwatch?.()
    this.#unwatch = undefined
    this.#setTaps([])
  }

  readonly #onMatch = (tap: number, event: number): void => {
    const { sampler } = this.#taps[tap]!
    const priority = sampler.draw()
    if (priority === undefined) return
    const held: Held = {
      priority,
      index: event,
      event: undefined,
      place: this.#place && { ...this.#place, index: event },
    }
    this.#accepted.push(held)
    const displaced = sampler.offer(held)
    if (displaced !== undefined) displaced.index = -1
  }

  /** Makes the objects of what the batch leaves behind, one an event, whichever taps want it. */
  #settle(columns: EventColumns, cluster: string | undefined): void {
    const { defaultCluster, redaction = DEFAULT_REDACTION } = this.#options.flows
    const named = cluster === defaultCluster ? undefined : cluster
    const made = new Map<number, RequestEvent>()
    for (const held of this.#accepted) {
      if (held.index < 0) continue
      let event = made.get(held.index)
      if (event === undefined)
        made.set(held.index, (event = withCluster(redact(requestAt(columns, held.index), redaction), named)))
      held.event = event
    }
    this.#accepted = []
  }

  #flush(tap: TapState, nowMs: number): void {
    const { kept, leftOut } = tap.sampler.tick(nowMs)
    const matched = kept.length + leftOut
    const seen = this.#matcher.seen - tap.seen
    if (matched === 0 && (seen === 0 || nowMs - tap.framedMs < SEEN_MS)) return
    tap.seen = this.#matcher.seen
    tap.framedMs = nowMs
    const { view } = tap
    const candidates = kept.flatMap(({ priority, event, place }): TapCandidate[] => {
      const shown =
        view === undefined
          ? event!
          : eventWithin(withCluster(event!, this.#options.flows.defaultCluster), view)
      return shown === undefined
        ? []
        : [{ priority, event: shown, ...(place === undefined ? {} : { place }) }]
    })
    const ranges = this.#rangesOf(tap)
    void this.#publish(tap, { seen, matched, candidates, ...(ranges.length === 0 ? {} : { ranges }) })
  }

  /** A partition that was never observed begins, for the taps that there are, with this record. */
  #reach({ partition, offset }: RecordPlace): void {
    if (!this.#reached.has(partition)) for (const { told } of this.#taps) told.set(partition, offset)
    this.#reached.set(partition, offset + 1)
  }

  /** What was evaluated since the last frame. */
  #rangesOf({ told }: TapState): EvaluatedRange[] {
    const ranges: EvaluatedRange[] = []
    for (const [partition, to] of this.#reached) {
      const from = told.get(partition)
      if (from === to) continue
      // Lower where the log began anew.
      ranges.push({ partition, from: from === undefined || from > to ? to - 1 : from, to })
      told.set(partition, to)
    }
    return ranges
  }

  async #publish(tap: TapState, frame: TapFrame): Promise<void> {
    tap.inFlight++
    try {
      await this.#options.bus.publish(tap.registration.id, frame)
      this.#counts.frames++
      this.#counts.events += frame.candidates.length
    } catch (error) {
      this.#counts.publishErrors++
      this.#options.onTrouble?.(error)
    } finally {
      tap.inFlight--
    }
  }

  async #watch(): Promise<void> {
    try {
      const unwatch = await this.#options.bus.watch((taps) => this.#setTaps(taps))
      if (this.#isClosed) unwatch()
      else this.#unwatch = unwatch
    } catch (error) {
      this.#counts.watchErrors++
      this.#options.onTrouble?.(error)
      if (this.#isClosed) return
      this.#cancelRetry = (this.#options.after ?? timers.after)(RETRY_MS, () => void this.#watch())
    }
  }

  #setTaps(registrations: readonly TapRegistration[]): void {
    const taps = this.#isClosed ? [] : registrations
    const before = new Map(this.#taps.map((tap) => [tap.registration.id, tap]))
    this.#taps = taps.map((registration) => {
      const known = before.get(registration.id)
      if (known === undefined || !isSameQuery(known.registration.query, registration.query)) {
        return this.#begin(registration)
      }
      before.delete(registration.id)
      return known
    })
    for (const gone of before.values()) gone.sampler.discard()
    this.#matcher.setTaps(taps)
    if (taps.length === 0) {
      this.#cancelTicks?.()
      this.#cancelTicks = undefined
    } else {
      this.#cancelTicks ??= (this.#options.every ?? timers.every)(WORKER_SLICE_MS, () => this.tick())
    }
  }

  #begin(registration: TapRegistration): TapState {
    const nowMs = this.#now()
    const sampler = new CandidateSampler<Held>({
      maxRps: registration.query.maxRps,
      nowMs,
      random: this.#random,
      budget: this.#budget,
    })
    const { scopes } = registration.query
    const view = scopes && compileTapView(scopes)
    return {
      registration,
      sampler,
      view,
      seen: this.#matcher.seen,
      framedMs: nowMs,
      inFlight: 0,
      told: new Map(this.#reached),
    }
  }
}

/** The event with the cluster that its ends are of where they name none. */
export function withCluster(event: RequestEvent, cluster: string | undefined): RequestEvent {
  if (cluster === undefined) return event
  const { source, destination } = event
  return {
    ...event,
    ...(source === undefined ? {} : { source: { cluster, ...source } }),
    destination: { cluster, ...destination },
  }
}
