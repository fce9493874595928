import { dashboard } from '../dashboard.ts'
import { workloadLinks } from '../links.ts'
import { goldenFigures, goldenGraphs, goldenListing, latencyAndEndings } from '../sections.ts'
import { CLUSTER, NAMESPACE, SERVICE } from '../variables.ts'

// Variables are of the service, so clients of other namespaces and clusters are seen too.
const received = {
  matchers:
    'direction="inbound", cluster=~"$cluster", namespace=~"$namespace", dst_service!="", dst_service=~"$service"',
}
const sent = {
  matchers:
    'direction="outbound", dst_cluster=~"$cluster", dst_namespace=~"$namespace", dst_service!="", dst_service=~"$service"',
}
const labels = ['cluster', 'namespace', 'workload']

export const serviceBoard = dashboard({
  uid: 'service',
  title: 'Service',
  description: 'What services receive: as the workloads behind them tell it, and as their clients do.',
  variables: [CLUSTER, NAMESPACE, SERVICE],
  sections: [
    { panels: goldenFigures(received) },
    {
      title: 'Services',
      panels: [
        goldenListing({ title: 'Services', labels: ['cluster', 'namespace', 'dst_service'] }, received),
        ...goldenGraphs('by service', ['cluster', 'namespace', 'dst_service'], received, '{{dst_service}}'),
        ...latencyAndEndings(received),
      ],
    },
    {
      title: 'Workloads behind them',
      panels: [
        goldenListing(
          {
            title: 'Workloads behind them',
            labels: [...labels, 'dst_service'],
            links: { workload: workloadLinks('row') },
          },
          received,
        ),
      ],
    },
    {
      title: 'Clients',
      panels: [
        goldenListing(
          {
            title: 'Clients',
            description: 'As they tell it: the way there is part of the latency, and what never came.',
            labels: [...labels, 'dst_service'],
            links: { workload: workloadLinks('row') },
          },
          sent,
        ),
        ...goldenGraphs(
          'by client',
          labels,
          { ...sent, links: workloadLinks('series') },
          '{{namespace}} {{workload}}',
        ),
      ],
    },
  ],
})
