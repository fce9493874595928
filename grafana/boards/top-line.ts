import { failureRatio, SLOW_MS, slowRatio } from '../../deploy/prometheus/recording-rules.ts'
import { dashboard } from '../dashboard.ts'
import { clusterLinks, namespaceLinks, workloadLinks } from '../links.ts'
import { figure, graph, states, SUCCESS_STEPS, TROUBLE_STEPS } from '../panels.ts'
import { recordedCount, recordedGolden } from '../recorded.ts'
import { goldenColumns, listing } from '../tables.ts'
import { UNITS } from '../units.ts'
import { CHOSEN, CLUSTER } from '../variables.ts'

const all = recordedGolden(CHOSEN.cluster, [])
const labels = ['cluster', 'namespace']
const namespaces = recordedGolden(CHOSEN.cluster, labels)
const legend = '{{cluster}} {{namespace}}'
const links = namespaceLinks('series')

export const topLineBoard = dashboard({
  uid: 'topLine',
  title: 'Top line',
  description:
    'What the whole mesh receives. Its figures are of series that rules record (deploy/prometheus/rules): over two minutes.',
  variables: [CLUSTER],
  sections: [
    {
      panels: [
        figure({ title: 'Success rate', unit: UNITS.share, expr: all.success, steps: SUCCESS_STEPS }),
        figure({ title: 'Requests', unit: UNITS.requests, expr: all.requests }),
        figure({ title: 'Latency p50', unit: UNITS.latency, expr: all.latency(0.5) }),
        figure({ title: 'Latency p99', unit: UNITS.latency, expr: all.latency(0.99) }),
        figure({ title: 'Over TLS', unit: UNITS.share, expr: all.tls }),
        figure({
          title: 'Clusters',
          unit: UNITS.count,
          expr: recordedCount(CHOSEN.cluster, ['cluster']),
          noValue: '0',
        }),
        figure({
          title: 'Namespaces',
          unit: UNITS.count,
          expr: recordedCount(CHOSEN.cluster, labels),
          noValue: '0',
        }),
        figure({
          title: 'Workloads',
          description: 'That received a request lately.',
          unit: UNITS.count,
          expr: recordedCount(CHOSEN.cluster, [...labels, 'workload']),
          noValue: '0',
        }),
      ],
    },
    {
      title: 'Namespaces',
      panels: [
        listing({
          title: 'How namespaces do',
          labels,
          columns: goldenColumns(namespaces),
          links: { cluster: clusterLinks('row'), namespace: namespaceLinks('row') },
        }),
        graph({
          title: 'Success rate by namespace',
          unit: UNITS.share,
          max: 1,
          links,
          lines: [{ expr: namespaces.success, legend }],
        }),
        graph({
          title: 'Requests by namespace',
          unit: UNITS.requests,
          links,
          lines: [{ expr: namespaces.requests, legend }],
        }),
        graph({
          title: 'Latency p95 by namespace',
          unit: UNITS.latency,
          hasExemplars: true,
          links,
          lines: [{ expr: namespaces.latency(0.95), legend }],
        }),
        states({
          title: 'Success of namespaces',
          width: 24,
          expr: namespaces.success,
          legend,
          steps: SUCCESS_STEPS,
          links,
        }),
      ],
    },
    {
      title: 'Objectives',
      panels: [
        listing({
          title: 'Workloads that fail most',
          description: 'The ten with the largest part of failures in the last hour.',
          width: 12,
          labels: ['cluster', 'namespace', 'workload'],
          columns: [
            {
              title: 'Failures, 1 h',
              expr: `topk(10, ${failureRatio('1h')}{${CHOSEN.cluster}})`,
              unit: UNITS.share,
              steps: TROUBLE_STEPS,
            },
          ],
          links: { workload: workloadLinks('row') },
        }),
        listing({
          title: 'Workloads that are slow most often',
          description: `The ten with the largest part of requests over ${SLOW_MS} ms in the last hour.`,
          width: 12,
          labels: ['cluster', 'namespace', 'workload'],
          columns: [
            {
              title: 'Slow, 1 h',
              expr: `topk(10, ${slowRatio('1h')}{${CHOSEN.cluster}})`,
              unit: UNITS.share,
            },
          ],
          links: { workload: workloadLinks('row') },
        }),
        states({
          title: 'Alerts',
          description: 'Empty where none fires.',
          width: 24,
          unit: UNITS.count,
          expr: 'ALERTS{alertname=~"Mesh.*|Meshtap.*", alertstate="firing"}',
          legend: '{{alertname}} {{cluster}} {{namespace}} {{workload}} {{partition}}',
          steps: TROUBLE_STEPS,
        }),
      ],
    },
  ],
})
