import type { Aggregator } from '../../aggregator/aggregator.ts'
import type { PartitionStats } from '../../aggregator/aggregator-stats.ts'
import type { SeriesLimits } from '../../rollup/rollup.ts'
import type { TapPublisher } from '../../tap/tap-publisher.ts'
import { HighWater } from '../../telemetry/high-water.ts'
import type { OwnMetrics, Tell, ValueName } from '../../telemetry/own-metrics.ts'

type PartitionCounter = keyof NonNullable<PartitionStats['counters']>

/** Counters of a partition, and what they are called. Requests and connections are one family. */
const COUNTERS = {
  records: 'meshtap_aggregator_records_total',
  bytes: 'meshtap_aggregator_read_bytes_total',
  late: 'meshtap_aggregator_late_events_total',
  future: 'meshtap_aggregator_future_events_total',
  expired: 'meshtap_aggregator_expired_events_total',
  duplicates: 'meshtap_aggregator_duplicate_records_total',
  missingOffsets: 'meshtap_aggregator_missing_records_total',
  unknownFields: 'meshtap_aggregator_unknown_fields_total',
  skippedSpans: 'meshtap_aggregator_skipped_spans_total',
  forgottenProducers: 'meshtap_aggregator_forgotten_producers_total',
} as const satisfies Partial<Record<PartitionCounter, ValueName>>

export interface AggregatorParts {
  readonly aggregator: Pick<Aggregator, 'stats'>
  readonly publisher: Pick<TapPublisher, 'stats'>
  readonly series: SeriesLimits
}

/** Tells of a worker: its partitions, commits and taps. */
export function addAggregatorMetrics(metrics: OwnMetrics, parts: AggregatorParts): void {
  const { aggregator, publisher, series } = parts
  const highest = new HighWater()
  metrics.add((tell) => {
    const { partitions, commits, claims, reclaims, deadLetters, troubles } = aggregator.stats
    for (const partition of partitions) tellPartition(tell, partition, highest)
    const claimed = partitions.filter(({ epoch }) => epoch !== undefined).length
    tell('meshtap_aggregator_partitions', claimed, { state: 'claimed' })
    tell('meshtap_aggregator_partitions', partitions.length - claimed, { state: 'waiting' })
    tell('meshtap_aggregator_series_limit', series.perScope, { scope: 'namespace' })
    tell('meshtap_aggregator_series_limit', series.overall, { scope: 'overall' })
    for (const [reason, count] of Object.entries(deadLetters)) {
      tell('meshtap_aggregator_dead_letters_total', count, { reason })
    }
    tell('meshtap_aggregator_claims_total', claims)
    tell('meshtap_aggregator_reclaims_total', reclaims)
    tell('meshtap_aggregator_commits_total', commits.count)
    tell('meshtap_aggregator_committed_bytes_total', commits.bytes)
    tell('meshtap_aggregator_commits_under_way', commits.underWay)
    for (const reason of ['stale-epoch', 'store-moved'] as const) {
      tell('meshtap_aggregator_refused_commits_total', troubles[reason], { reason })
    }
    for (const port of ['store', 'log'] as const) {
      tell('meshtap_aggregator_failures_total', troubles[port], { port })
    }
  })
  metrics.add((tell) => {
    const stats = publisher.stats
    tell('meshtap_aggregator_taps', stats.taps)
    tell('meshtap_aggregator_tap_frames_total', stats.frames)
    tell('meshtap_aggregator_tap_events_total', stats.events)
    tell('meshtap_aggregator_tap_lost_frames_total', stats.publishErrors)
    tell('meshtap_aggregator_tap_watch_errors_total', stats.watchErrors)
    tell('meshtap_aggregator_tap_held_events', stats.held)
    tell('meshtap_aggregator_tap_cache_resets_total', stats.cacheResets)
  })
}

function tellPartition(tell: Tell, stats: PartitionStats, highest: HighWater): void {
  const { partition, counters, held } = stats
  const of = { partition }
  const counted = (counter: string, count: number) => highest.of(`${partition} ${counter}`, count)
  if (counters !== undefined) {
    const { requests, connections } = counters
    const name = 'meshtap_aggregator_events_total'
    tell(name, counted('requests', requests), { partition, event: 'request' })
    tell(name, counted('connections', connections), { partition, event: 'connection' })
    for (const counter of Object.keys(COUNTERS) as (keyof typeof COUNTERS)[]) {
      tell(COUNTERS[counter], counted(counter, counters[counter]), of)
    }
  }
  const overflowed = counted('overflowedSeries', stats.overflowedSeries)
  tell('meshtap_aggregator_overflowed_series_total', overflowed, of)
  tell('meshtap_aggregator_lag_records', stats.lag, of)
  tell('meshtap_aggregator_watermark_delay_seconds', stats.watermarkDelayMs / 1000, of)
  if (held === undefined) return
  tell('meshtap_aggregator_series', held.series, of)
  tell('meshtap_aggregator_open_buckets', held.openBuckets, of)
}
