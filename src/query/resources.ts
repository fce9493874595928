import type { ResourceKind, ResourcesAnswer } from './answer.ts'
import { endFacet, reporterFacet, type ResourceLabel, WORKLOAD_KINDS } from './facet.ts'
import { seriesHaving } from './series-having.ts'
import type { ResourcesRequest } from './requests.ts'
import { answerBase, blocksInWindow, type RollupReader } from './rollup-reader.ts'
import { byTexts } from './row-order.ts'
import { memo } from './select.ts'
import { ALL_SCOPES, matchesResource } from './target.ts'

const KINDS: readonly ResourceKind[] = [
  'cluster',
  'namespace',
  ...WORKLOAD_KINDS,
  'pod',
  'service',
  'authority',
  'route',
]

const byPlaceAndName = byTexts<ResourceLabel>(
  (row) => row.cluster,
  (row) => row.namespace,
  (row) => row.kind,
  (row) => row.name,
)

/** Everything that reported in the window, or was named as the other end of a request. */
export async function resources(reader: RollupReader, request: ResourcesRequest): Promise<ResourcesAnswer> {
  const { target } = request
  // The other ends of requests are in the blobs of whoever reports them.
  const read = await reader.readStat({ span: request.window, scopes: ALL_SCOPES })
  const present = seriesHaving(blocksInWindow(read), read.table, 'series')
  const found = new Map<string, ResourceLabel>()
  for (const kind of target.kind === 'all' ? KINDS : [target.kind]) {
    for (const facet of [reporterFacet(kind), endFacet('source', kind), endFacet('destination', kind)]) {
      const { ids, labels } = read.table.column(facet)
      const take = memo(labels, (label) => {
        if (matchesResource(target, label)) found.set(label.id, label)
        return 0
      })
      for (const series of present) take(ids[series]!)
    }
  }
  return {
    ...answerBase(read),
    resources: [...found.values()]
      .sort(byPlaceAndName)
      .map(({ cluster, namespace, kind, name }) => ({ cluster, namespace, kind, name })),
  }
}
