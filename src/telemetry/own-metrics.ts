import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import { EventLoopDelay } from './event-loop-delay.ts'
import { familiesOf, type OWN_FAMILIES, type OwnName, SCRAPE_NAMES } from './own-families.ts'
import type { RoleName } from './own-family.ts'
import type { OwnSamples } from './own-samples.ts'
import { ProcessMetrics } from './process-metrics.ts'
import { registrySamples } from './registry-samples.ts'

type Family = (typeof OWN_FAMILIES)[number]
type FamilyOf<N extends OwnName> = Extract<Family, { readonly name: N }>

export type HistogramName = Extract<Family, { readonly type: 'histogram' }>['name']
/** Families of which a value is told at each scrape. */
export type ValueName = Exclude<OwnName, HistogramName | (typeof SCRAPE_NAMES)[number]>

/** Nothing for a family without labels, of which the table names none. */
type LabelsOf<N extends OwnName> = string extends FamilyOf<N>['labels'][number]
  ? readonly []
  : readonly [labels: Readonly<Record<FamilyOf<N>['labels'][number], string>>]

/** Tells the value that a family has now, of these labels; of a counter, its running count. */
export type Tell = <N extends ValueName>(name: N, value: number, ...labels: LabelsOf<N>) => void

/** Takes one observation in, in seconds. */
export type Observe<N extends HistogramName> = (seconds: number, ...labels: LabelsOf<N>) => void

/**
 * A role's metrics of its own: all that the table says of it, and nothing else.
 *
 * Parts count for themselves; what they count is read at each scrape by sources that are added here. So nothing is counted
 * twice, and where nobody scrapes it costs nothing. Only histograms are given their observations as they happen.
 */
export class OwnMetrics {
  readonly #registry = new Registry()
  readonly #values = new Map<string, Counter | Gauge>()
  readonly #histograms = new Map<string, Histogram>()
  readonly #sources: ((tell: Tell) => void)[] = []
  readonly #process = ProcessMetrics.ofProcess()

  constructor({ role, version }: { readonly role: RoleName; readonly version: string }) {
    const registers = [this.#registry]
    for (const family of familiesOf(role)) {
      const { name, help } = family
      if ((SCRAPE_NAMES as readonly string[]).includes(name)) continue
      const configuration = { name, help, labelNames: family.labels as readonly string[], registers }
      if (family.type === 'histogram') {
        const buckets = [...family.buckets]
        this.#histograms.set(name, new Histogram({ ...configuration, buckets }))
      } else {
        this.#values.set(
          name,
          family.type === 'counter' ? new Counter(configuration) : new Gauge(configuration),
        )
      }
    }
    const delay = EventLoopDelay.ofProcess()
    this.add((tell) => {
      tell('meshtap_build_info', 1, { version, role })
      for (const [percentile, seconds] of delay.percentiles()) {
        tell('meshtap_event_loop_delay_seconds', seconds, { percentile: String(percentile) })
      }
    })
  }

  /** Adds what is asked at each scrape. Of a counter it tells the count since the process began, which must not fall. */
  add(source: (tell: Tell) => void): void {
    this.#sources.push(source)
  }

  /** What a histogram takes its observations by. */
  histogram<N extends HistogramName>(name: N): Observe<N> {
    const histogram = this.#histograms.get(name)
    if (histogram === undefined) throw new Error(`BUG: the role has no ${name}`)
    return (seconds, ...labels) => histogram.observe(labels[0] ?? {}, seconds)
  }

  /** All families of the role and of the process, as of now. */
  async samples(): Promise<readonly OwnSamples[]> {
    for (const metric of this.#values.values()) metric.reset()
    // All in one turn: another scrape sees all of it, or all of its own.
    for (const source of this.#sources) source(this.#tell)
    const [own, ofProcess] = await Promise.all([registrySamples(this.#registry), this.#process.samples()])
    return [...own, ...ofProcess]
  }

  readonly #tell: Tell = (name, value, ...labels) => {
    const metric = this.#values.get(name)
    if (metric === undefined) throw new Error(`BUG: the role has no ${name}`)
    metric.inc(labels[0] ?? {}, value)
  }
}
