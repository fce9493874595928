import { and } from '../../deploy/prometheus/promql.ts'
import { dashboard } from '../dashboard.ts'
import { workloadLinks } from '../links.ts'
import { connections, goldenFigures, goldenGraphs, goldenListing, latencyAndEndings } from '../sections.ts'
import { CHOSEN, CLUSTER, NAMESPACE } from '../variables.ts'

const received = { matchers: and('direction="inbound"', CHOSEN.namespace) }
const labels = ['cluster', 'namespace', 'workload']

export const namespaceBoard = dashboard({
  uid: 'namespace',
  title: 'Namespace',
  description: 'What workloads of namespaces receive, as their own proxies tell it.',
  variables: [CLUSTER, NAMESPACE],
  sections: [
    { panels: goldenFigures(received) },
    {
      title: 'Workloads',
      panels: [
        goldenListing({ title: 'Workloads', labels, links: { workload: workloadLinks('row') } }, received),
        ...goldenGraphs(
          'by workload',
          labels,
          { ...received, links: workloadLinks('series') },
          '{{workload}}',
        ),
      ],
    },
    { title: 'All of it', panels: latencyAndEndings(received) },
    { title: 'TCP', panels: connections(CHOSEN.namespace) },
  ],
})
