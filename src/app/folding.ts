import { Aggregator } from '../aggregator/aggregator.ts'
import type { BareFormat } from '../aggregator/record-decoder.ts'
import type { EventLog } from '../log/event-log.ts'
import type { FlowTableOptions } from '../rollup/flow-table.ts'
import { Redaction } from '../rollup/redaction.ts'
import type { RollupStore } from '../store/rollup-store.ts'
import type { TapBus } from '../tap/tap-bus.ts'
import { TapPublisher } from '../tap/tap-publisher.ts'
import { addAggregatorMetrics } from './metrics/aggregator-metrics.ts'
import type { OpenIdentities } from './identities.ts'
import type { RoleContext } from './role-context.ts'
import { tapTrouble } from './tap-trouble.ts'

/** Most namespaces of a bucket; the rest is in one of its own. */
const MAX_SCOPES = 1000

/** Most destinations that a bucket's top is kept for. */
const MAX_TOP_DESTINATIONS = 20_000

export interface FoldingPorts {
  readonly log: EventLog
  readonly topic: string
  readonly deadLetterTopic: string
  readonly store: RollupStore
  readonly bus: TapBus
  readonly identities: OpenIdentities
  readonly bareFormats?: ReadonlyMap<string, BareFormat>
}

/** How events become series, and what of them is shown. */
export function flowsOf({
  routes,
  cluster,
  redactHeaders,
  redactQuery,
  redactPaths,
}: RoleContext<'serve' | 'aggregator' | 'gateway'>['settings']): FlowTableOptions {
  const redaction = new Redaction({ headers: redactHeaders, showsQuery: !redactQuery, paths: redactPaths })
  return { routes, defaultCluster: cluster, redaction }
}

/** A worker that folds, and lets taps look on; it begins when its `start` is called. Closed with the role. */
export async function openFolding(
  { settings, trouble, metrics, parts, onFatal }: RoleContext<'serve' | 'aggregator'>,
  { log, topic, deadLetterTopic, store, bus, identities, bareFormats }: FoldingPorts,
): Promise<Aggregator> {
  const now = Date.now
  const rules = settings.classify
  const flows = flowsOf(settings)
  const publisher = await TapPublisher.open({
    bus,
    flows,
    rules,
    now,
    onTrouble: tapTrouble(trouble),
  })
  parts.add('taps', () => publisher.close())
  const series = {
    perScope: settings.seriesPerNamespace,
    overall: settings.seriesOverall,
    scopes: MAX_SCOPES,
  }
  const onCommit = metrics.histogram('meshtap_aggregator_commit_duration_seconds')
  const aggregator = new Aggregator({
    log,
    topic,
    deadLetterTopic,
    flushMs: settings.flush,
    processor: {
      store,
      now,
      limits: {
        series,
        top: { capacity: settings.topCapacity, destinations: MAX_TOP_DESTINATIONS },
        rules,
      },
      flows,
      ...(identities.identify === undefined ? {} : { identify: identities.identify }),
    },
    ...(bareFormats === undefined ? {} : { bareFormats }),
    observe: (columns, cluster, place) => publisher.observe(columns, cluster, place),
    onCommitted: (ms) => onCommit(ms / 1000),
    onTrouble: trouble.of('partition'),
    onFatal,
  })
  parts.add('partitions', () => aggregator.close())
  addAggregatorMetrics(metrics, { aggregator, publisher, series })
  return aggregator
}
