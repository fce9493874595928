import { and, latencyQuantile, type Question, successRate, sum } from '../../deploy/prometheus/promql.ts'
import { RECORDED } from '../../deploy/prometheus/recording-rules.ts'
import { FAMILIES } from '../../src/exporter/families.ts'
import { dashboard } from '../dashboard.ts'
import { clusterLinks } from '../links.ts'
import { graph, states } from '../panels.ts'
import { recordedGolden } from '../recorded.ts'
import { WINDOW } from '../sections.ts'
import { goldenColumns, listing } from '../tables.ts'
import { UNITS } from '../units.ts'
import { CHOSEN, CLUSTER } from '../variables.ts'

const clusters = recordedGolden(CHOSEN.cluster, ['cluster'])
const links = clusterLinks('series')
const legend = '{{cluster}}'

const between = `${RECORDED.betweenClusters}{${CHOSEN.cluster}}`
/** Pairs of a cluster with itself. */
const within = (of: string) =>
  `label_replace(count by (cluster) (${of}), "dst_cluster", "$1", "cluster", "(.*)")`
/** Without what stays in its cluster. */
const leaving = (of: string, whole = of) => `${of} unless on (cluster, dst_cluster) ${within(whole)}`

const sent: Question = {
  matchers: and('direction="outbound", dst_cluster!=""', CHOSEN.cluster),
  by: ['cluster', 'dst_cluster'],
  window: WINDOW,
}
const pair = '{{cluster}} → {{dst_cluster}}'

export const multiClusterBoard = dashboard({
  uid: 'multiCluster',
  title: 'Multi-cluster',
  description: 'Clusters beside each other, and what they send each other.',
  variables: [CLUSTER],
  sections: [
    {
      panels: [
        listing({
          title: 'Clusters',
          labels: ['cluster'],
          columns: goldenColumns(clusters),
          links: { cluster: clusterLinks('row') },
        }),
        graph({
          title: 'Success rate by cluster',
          unit: UNITS.share,
          max: 1,
          links,
          lines: [{ expr: clusters.success, legend }],
        }),
        graph({
          title: 'Requests by cluster',
          unit: UNITS.requests,
          links,
          lines: [{ expr: clusters.requests, legend }],
        }),
        graph({
          title: 'Latency p95 by cluster',
          unit: UNITS.latency,
          hasExemplars: true,
          links,
          lines: [{ expr: clusters.latency(0.95), legend }],
        }),
        states({
          title: 'Clusters that report requests',
          description: 'Red: none in the last two minutes.',
          width: 24,
          unit: UNITS.count,
          expr: `${clusters.requests} > bool 0`,
          legend,
          steps: [
            { value: null, color: 'red' },
            { value: 1, color: 'green' },
          ],
          links,
        }),
      ],
    },
    {
      title: 'Between clusters',
      panels: [
        listing({
          title: 'From cluster to cluster',
          description: 'As the sender tells it; what stays in its cluster too.',
          labels: ['cluster', 'dst_cluster'],
          columns: [
            { title: 'Requests', expr: between, unit: UNITS.requests },
            { title: 'Success', expr: successRate(sent), unit: UNITS.share },
            { title: 'p95', expr: latencyQuantile(0.95, sent), unit: UNITS.latency },
          ],
        }),
        graph({
          title: 'Requests between clusters',
          unit: UNITS.requests,
          lines: [{ expr: leaving(between), legend: pair }],
        }),
        graph({
          title: 'Success rate between clusters',
          unit: UNITS.share,
          max: 1,
          lines: [{ expr: leaving(successRate(sent), between), legend: pair }],
        }),
        graph({
          title: 'Latency p95 between clusters',
          unit: UNITS.latency,
          hasExemplars: true,
          lines: [{ expr: leaving(`(${latencyQuantile(0.95, sent)})`, between), legend: pair }],
        }),
        graph({
          title: 'Open connections by cluster',
          description: 'Of both directions.',
          unit: UNITS.count,
          width: 24,
          lines: [
            {
              expr: sum(['cluster', 'direction'], `${FAMILIES.openConnections.name}{${CHOSEN.cluster}}`),
              legend: '{{cluster}} {{direction}}',
            },
          ],
        }),
      ],
    },
  ],
})
