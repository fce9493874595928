import type { PartitionId } from '../log/event-log.ts'
import type { PartitionMeta } from '../store/rollup-store.ts'
import { ownFamily, type SCRAPE_NAMES } from '../telemetry/own-families.ts'
import type { OwnSamples, ValueSample } from '../telemetry/own-samples.ts'

export interface PartitionState {
  readonly partition: PartitionId
  readonly meta: PartitionMeta
}

/** Whether a scrape has the series of the mesh. */
export function meshUp(isUp: boolean): OwnSamples {
  return gauge('meshtap_exporter_mesh_up', isUp ? 1 : 0)
}

/** How many label sets a scrape has, and how many it lacks because of its limit. */
export function seriesFamilies({
  series,
  limited,
}: {
  readonly series: number
  readonly limited: number
}): OwnSamples[] {
  return [gauge('meshtap_exporter_series', series), gauge('meshtap_exporter_series_limited', limited)]
}

/** How far the partitions are. */
export function partitionFamilies(partitions: readonly PartitionState[]): OwnSamples[] {
  const samples = (value: (meta: PartitionMeta) => number): ValueSample[] =>
    partitions.map(({ partition, meta }) => ({ labels: { partition }, value: value(meta) }))
  return [
    family(
      'meshtap_partition_offset',
      samples(({ offset }) => offset),
    ),
    family(
      'meshtap_partition_watermark_timestamp_seconds',
      samples(({ watermarkMs }) => watermarkMs / 1000),
    ),
  ]
}

function gauge(name: (typeof SCRAPE_NAMES)[number], value: number): OwnSamples {
  return family(name, [{ labels: {}, value }])
}

function family(name: (typeof SCRAPE_NAMES)[number], samples: readonly ValueSample[]): OwnSamples {
  return { name, help: ownFamily(name).help, type: 'gauge', samples }
}
