import { and } from '../../deploy/prometheus/promql.ts'
import { dashboard } from '../dashboard.ts'
import { toDashboard, toGateway } from '../links.ts'
import { connections, goldenFigures, goldenGraphs, goldenListing, latencyAndEndings } from '../sections.ts'
import { CHOSEN, CLUSTER, NAMESPACE, WORKLOAD } from '../variables.ts'

const received = { matchers: and('direction="inbound"', CHOSEN.workload) }
const sent = { matchers: and('direction="outbound"', CHOSEN.workload) }
const podLinks = (place: 'series' | 'row') => [
  toDashboard(place, 'Pod', 'pod', { cluster: 'cluster', namespace: 'namespace', pod: 'pod' }),
]
const destination = { cluster: 'dst_cluster', namespace: 'dst_namespace' }
const destinationLinks = (place: 'series' | 'row') => [
  toDashboard(place, 'Destination', 'workload', { ...destination, workload: 'dst_workload' }),
  toGateway(place, 'Its requests, live', 'tap', { ...destination, resource: 'dst_workload' }),
]

export const workloadBoard = dashboard({
  uid: 'workload',
  title: 'Workload',
  description: 'What workloads of any kind receive and send, as their own proxies tell it.',
  variables: [CLUSTER, NAMESPACE, WORKLOAD],
  sections: [
    { panels: goldenFigures(received) },
    { title: 'Received', panels: latencyAndEndings(received) },
    {
      title: 'Pods',
      panels: [
        goldenListing(
          {
            title: 'Pods',
            labels: ['cluster', 'namespace', 'workload', 'pod'],
            links: { pod: podLinks('row') },
          },
          received,
        ),
        ...goldenGraphs(
          'by pod',
          ['cluster', 'namespace', 'pod'],
          { ...received, links: podLinks('series') },
          '{{pod}}',
        ),
      ],
    },
    {
      title: 'Sent',
      panels: [
        goldenListing(
          {
            title: 'Destinations',
            description: 'As the sender tells it: the way there is part of the latency, and what never came.',
            labels: ['workload', 'dst_cluster', 'dst_namespace', 'dst_workload'],
            links: { dst_workload: destinationLinks('row') },
          },
          sent,
        ),
        ...goldenGraphs(
          'by destination',
          ['dst_cluster', 'dst_namespace', 'dst_workload'],
          { ...sent, links: destinationLinks('series') },
          '{{dst_namespace}} {{dst_workload}}',
        ),
      ],
    },
    { title: 'TCP', panels: connections(CHOSEN.workload) },
  ],
})
