import type { MetricObjectWithValues, MetricValue, Registry } from 'prom-client'
import type { HistogramSample, OwnSamples } from './own-samples.ts'

type Labels = Record<string, string | number>

/** A value as prom-client has it: of a histogram, one of a bucket, the sum or the count. */
interface Value extends MetricValue<string> {
  readonly metricName?: string
}

/** What a registry has. Kinds of metrics that meshtap has none of are left out. */
export async function registrySamples(registry: Registry): Promise<readonly OwnSamples[]> {
  const families = await registry.getMetricsAsJSON()
  return families.flatMap((family) => samplesOf(family as MetricObjectWithValues<Value>) ?? [])
}

function samplesOf({ name, help, type, values }: MetricObjectWithValues<Value>): OwnSamples | undefined {
  // The types name a number, what comes is a word.
  switch (String(type)) {
    case 'counter':
    case 'gauge':
      return {
        name,
        help,
        type: String(type) as 'counter' | 'gauge',
        samples: values.map(({ labels, value }) => ({ labels: textLabels(labels), value })),
      }
    case 'histogram':
      return { name, help, type: 'histogram', samples: histogramsOf(name, values) }
    default:
      return undefined
  }
}

function histogramsOf(name: string, values: readonly Value[]): readonly HistogramSample[] {
  const found = new Map<
    string,
    { labels: Record<string, string>; bounds: number[]; cumulative: number[]; sum: number }
  >()
  for (const { labels, value, metricName } of values) {
    const { le, ...others } = labels as Labels
    const key = JSON.stringify(Object.entries(others).sort(([a], [b]) => (a < b ? -1 : 1)))
    let histogram = found.get(key)
    if (histogram === undefined) {
      found.set(key, (histogram = { labels: textLabels(others), bounds: [], cumulative: [], sum: 0 }))
    }
    if (metricName === `${name}_sum`) histogram.sum = value
    else if (metricName === `${name}_bucket`) {
      histogram.cumulative.push(value)
      if (le !== '+Inf') histogram.bounds.push(Number(le))
    }
  }
  return [...found.values()]
}

function textLabels(labels: Partial<Labels>): Record<string, string> {
  return Object.fromEntries(Object.entries(labels).map(([name, value]) => [name, String(value)]))
}
