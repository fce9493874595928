import type { Readable } from 'node:stream'
import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import { MetricsPage, type MetricsPageOptions } from '../../src/exporter/metrics-page.ts'
import type { RollupStore } from '../../src/store/rollup-store.ts'
import { NOW } from '../query/world.ts'
import { parseText, type Sample } from './parse-text.ts'

export const OPENMETRICS = 'application/openmetrics-text;version=1.0.0'
export const PROTOBUF =
  'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited'

export function pageOf(store: RollupStore, options: Partial<MetricsPageOptions> = {}): MetricsPage {
  return new MetricsPage({ store, now: () => NOW, ...options })
}

export async function scrape(
  page: MetricsPage,
  { query = '', accept, acceptEncoding }: { query?: string; accept?: string; acceptEncoding?: string } = {},
): Promise<{ readonly headers: Readonly<Record<string, string>>; readonly body: Buffer }> {
  const { headers, body } = await page.answer({
    parameters: new URLSearchParams(query),
    accept,
    acceptEncoding,
  })
  const raw = Buffer.concat(await (body as Readable).toArray())
  const coding = headers['content-encoding']
  if (coding === 'gzip') return { headers, body: gunzipSync(raw) }
  return { headers, body: coding === 'zstd' ? zstdDecompressSync(raw) : raw }
}

/** All samples of a scrape in Prometheus' text, or OpenMetrics. */
export async function samplesOf(
  page: MetricsPage,
  options: { query?: string; isOpenMetrics?: boolean } = {},
): Promise<readonly Sample[]> {
  const { query = '', isOpenMetrics = false } = options
  const { body } = await scrape(page, { query, ...(isOpenMetrics ? { accept: OPENMETRICS } : {}) })
  return [...parseText(body.toString(), { isOpenMetrics }).values()].flatMap(({ samples }) => samples)
}

/** The sum of the samples of a name that have these labels. */
export function sumOf(samples: readonly Sample[], name: string, labels: Record<string, string> = {}): number {
  return samples
    .filter((sample) => sample.name === name)
    .filter((sample) => Object.entries(labels).every(([label, value]) => sample.labels[label] === value))
    .reduce((sum, { value }) => sum + value, 0)
}
