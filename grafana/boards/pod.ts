import { and } from '../../deploy/prometheus/promql.ts'
import { dashboard } from '../dashboard.ts'
import { toGateway } from '../links.ts'
import { connections, goldenFigures, goldenGraphs, goldenListing, latencyAndEndings } from '../sections.ts'
import { CHOSEN, CLUSTER, NAMESPACE, POD, WORKLOAD } from '../variables.ts'

const received = { matchers: and('direction="inbound"', CHOSEN.pod) }
const sent = { matchers: and('direction="outbound"', CHOSEN.pod) }

export const podBoard = dashboard({
  uid: 'pod',
  title: 'Pod',
  description: 'What pods receive and send, as their own proxies tell it.',
  variables: [CLUSTER, NAMESPACE, WORKLOAD, POD],
  sections: [
    { panels: goldenFigures(received) },
    {
      title: 'Received',
      panels: [
        goldenListing(
          {
            title: 'Pods',
            labels: ['cluster', 'namespace', 'workload', 'pod'],
            links: {
              workload: [toGateway('row', 'Its figures, from meshtap', 'stat', { resource: 'workload' })],
            },
          },
          received,
        ),
        ...goldenGraphs('by pod', ['cluster', 'namespace', 'pod'], received, '{{pod}}'),
        ...latencyAndEndings(received),
      ],
    },
    {
      title: 'Sent',
      panels: goldenGraphs(
        'by destination',
        ['dst_cluster', 'dst_namespace', 'dst_workload'],
        sent,
        '{{dst_namespace}} {{dst_workload}}',
      ),
    },
    { title: 'TCP', panels: connections(CHOSEN.pod) },
  ],
})
