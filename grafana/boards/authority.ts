import { and } from '../../deploy/prometheus/promql.ts'
import { dashboard } from '../dashboard.ts'
import { workloadLinks } from '../links.ts'
import { goldenFigures, goldenGraphs, goldenListing, latencyAndEndings } from '../sections.ts'
import { AUTHORITY, CHOSEN, CLUSTER, NAMESPACE } from '../variables.ts'

const chosen = and(CHOSEN.namespace, 'authority!="", authority=~"$authority"')
const received = { matchers: and('direction="inbound"', chosen) }
const sent = { matchers: and('direction="outbound"', chosen) }

export const authorityBoard = dashboard({
  uid: 'authority',
  title: 'Authority',
  description:
    'Requests by the authority that they name: as those who receive them tell it, and as those who send.',
  variables: [CLUSTER, NAMESPACE, AUTHORITY],
  sections: [
    { panels: goldenFigures(received) },
    {
      title: 'Received',
      panels: [
        goldenListing({ title: 'Authorities', labels: ['cluster', 'namespace', 'authority'] }, received),
        ...goldenGraphs('by authority', ['authority'], received),
        ...latencyAndEndings(received),
      ],
    },
    {
      title: 'Sent',
      panels: [
        goldenListing(
          {
            title: 'Authorities that are called',
            description: 'Of destinations outside the mesh too.',
            labels: ['cluster', 'namespace', 'workload', 'authority'],
            links: { workload: workloadLinks('row') },
          },
          sent,
        ),
        ...goldenGraphs('by authority that is called', ['authority'], sent),
      ],
    },
  ],
})
