import { ProtobufMetricsWriter } from './protobuf-metrics-writer.ts'
import type { SampleWriter } from './sample-writer.ts'
import { OPENMETRICS_TEXT, PROMETHEUS_TEXT, TextWriter } from './text-writer.ts'

export type Coding = 'identity' | 'gzip' | 'zstd'

interface Offer {
  readonly name: string
  readonly parameters: ReadonlyMap<string, string>
  readonly quality: number
}

/** The format that a client likes best; Prometheus' text where it names none that there is. */
export function chooseFormat(accept: string | undefined): SampleWriter {
  for (const { name, parameters } of offers(accept)) {
    if (name === 'application/vnd.google.protobuf') {
      const isOurs =
        parameters.get('proto') === 'io.prometheus.client.metricfamily' &&
        parameters.get('encoding') === 'delimited'
      if (isOurs) return new ProtobufMetricsWriter()
    } else if (name === 'application/openmetrics-text') {
      if ((parameters.get('version') ?? '1.0.0') === '1.0.0') return new TextWriter(OPENMETRICS_TEXT)
    } else if (name === 'text/plain' || name === 'text/*' || name === '*/*') break
  }
  return new TextWriter(PROMETHEUS_TEXT)
}

/** The coding that a client likes best; of those it likes equally zstd, which is the cheapest. */
export function chooseCoding(acceptEncoding: string | undefined): Coding {
  const liked = offers(acceptEncoding)
  const quality = (coding: string) =>
    (liked.find(({ name }) => name === coding) ?? liked.find(({ name }) => name === '*'))?.quality ?? 0
  const [best] = (['zstd', 'gzip'] as const).toSorted((a, b) => quality(b) - quality(a))
  return best !== undefined && quality(best) > 0 && quality(best) >= quality('identity') ? best : 'identity'
}

/** What a header of weighted values names, the best first, without what has no weight. */
function offers(header: string | undefined): Offer[] {
  if (header === undefined) return []
  return header
    .split(',')
    .map((part) => {
      const [name = '', ...rest] = part.split(';').map((text) => text.trim().toLowerCase())
      const parameters = new Map(
        rest.map((parameter) => {
          const [key = '', value = ''] = parameter.split('=', 2)
          return [key.trim(), value.trim().replaceAll('"', '')] as const
        }),
      )
      const quality = Number(parameters.get('q') ?? 1)
      return { name, parameters, quality: Number.isFinite(quality) ? quality : 0 }
    })
    .filter(({ name, quality }) => name !== '' && quality > 0)
    .toSorted((a, b) => b.quality - a.quality)
}
