import type { RollupStore } from '../store/rollup-store.ts'

/** Of Prometheus' text format. */
export const METRICS_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

/**
 * How far the partitions are, in Prometheus' text format. The figures of the mesh itself are not among them.
 *
 * Rejects with a `StoreError`.
 */
export async function ownMetrics(store: RollupStore, version: string): Promise<string> {
  const partitions = (await store.partitions()).toSorted()
  const snapshots = await Promise.all(partitions.map((partition) => store.read(partition, () => [])))
  const metas = snapshots.flatMap((snapshot) => snapshot ?? [])
  const samples = (value: (meta: (typeof metas)[number]['meta']) => number) =>
    metas.map(({ partition, meta }) => `{partition="${escaped(partition)}"} ${value(meta)}`)
  return [
    ...family('meshtap_build_info', 'gauge', 'Which meshtap this is.', [`{version="${escaped(version)}"} 1`]),
    ...family(
      'meshtap_partition_offset',
      'gauge',
      'Offset of the next record of the partition to be folded.',
      samples(({ offset }) => offset),
    ),
    ...family(
      'meshtap_partition_watermark_timestamp_seconds',
      'gauge',
      'Up to which time the events of the partition are folded.',
      samples(({ watermarkMs }) => watermarkMs / 1000),
    ),
  ]
    .map((line) => `${line}\n`)
    .join('')
}

function family(name: string, type: string, help: string, samples: readonly string[]): string[] {
  if (samples.length === 0) return []
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...samples.map((sample) => `${name}${sample}`)]
}

function escaped(label: string): string {
  return label.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}
