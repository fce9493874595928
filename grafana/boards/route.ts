import { and } from '../../deploy/prometheus/promql.ts'
import { dashboard } from '../dashboard.ts'
import { goldenFigures, goldenGraphs, goldenListing, latencyAndEndings } from '../sections.ts'
import { CHOSEN, CLUSTER, NAMESPACE, ROUTE, WORKLOAD } from '../variables.ts'

const chosen = and(CHOSEN.workload, 'rt_route=~"$route"')
const received = { matchers: and('direction="inbound"', chosen), level: 'route' } as const
const sent = { matchers: and('direction="outbound"', chosen), level: 'route' } as const
const by = ['rt_route', 'method']

export const routeBoard = dashboard({
  uid: 'route',
  title: 'Route',
  description: 'What workloads receive and send by route and method.',
  variables: [CLUSTER, NAMESPACE, WORKLOAD, ROUTE],
  sections: [
    { panels: goldenFigures(received) },
    {
      title: 'Received',
      panels: [
        goldenListing({ title: 'Routes', labels: ['cluster', 'namespace', 'workload', ...by] }, received),
        ...goldenGraphs('by route', by, received, '{{method}} {{rt_route}}'),
        ...latencyAndEndings(received),
      ],
    },
    {
      title: 'Sent',
      panels: [
        goldenListing({ title: 'Routes of destinations', labels: ['workload', 'dst', ...by] }, sent),
        ...goldenGraphs('by route that is called', ['dst', ...by], sent, '{{dst}} {{method}} {{rt_route}}'),
      ],
    },
  ],
})
