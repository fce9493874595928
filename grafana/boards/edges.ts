import {
  type EdgeOptions,
  type NodeOptions,
  PanelBuilder as NodeGraphBuilder,
} from '@grafana/grafana-foundation-sdk/nodegraph'
import { PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus'
import { rate, shareOf, sum } from '../../deploy/prometheus/promql.ts'
import { FAMILIES } from '../../src/exporter/families.ts'
import { dashboard } from '../dashboard.ts'
import { toDashboard, workloadLinks } from '../links.ts'
import { type AnyPanel, instantQuery } from '../panels.ts'
import { goldenListing, WINDOW } from '../sections.ts'
import { UNITS } from '../units.ts'
import { CLUSTER, DATASOURCE, NAMESPACE } from '../variables.ts'

const source = ['cluster', 'namespace', 'workload'] as const
const target = ['dst_cluster', 'dst_namespace', 'dst_workload'] as const
const outbound = 'direction="outbound", dst_workload!=""'
const sent = `${outbound}, cluster=~"$cluster", namespace=~"$namespace"`
const received = `${outbound}, dst_cluster=~"$cluster", dst_namespace=~"$namespace"`

/** Responses a second of each edge that begins or ends in the chosen namespaces. */
function edges(more = ''): string {
  const of = (matchers: string) =>
    rate(FAMILIES.responses.name, {
      matchers: matchers + more,
      by: [...source, ...target],
      window: WINDOW,
    })
  return `(${of(sent)} or ${of(received)})`
}

/** By the receiver, under the labels of a workload. */
function atTarget(of: string): string {
  return source.reduce(
    (inner, label, i) => `label_replace(${inner}, "${label}", "$1", "${target[i]}", "(.*)")`,
    sum(target, of),
  )
}

function atNode(of: string): string {
  return sum(source, of)
}

const all = edges()
const good = edges(', classification="success"')
const bad = edges(', classification="failure"')

const receivedAll = atNode(atTarget(all))
const receivedGood = atNode(atTarget(good))
const receivedBad = atNode(atTarget(bad))

const asNode = (of: string) => `label_join(${of}, "id", "/", ${quoted(source)})`
const asEdge = (of: string) =>
  `label_join(label_join(label_join(${of}, "source", "/", ${quoted(source)}), "target", "/", ${quoted(target)}), ` +
  `"id", " → ", "source", "target")`

function quoted(labels: readonly string[]): string {
  return labels.map((label) => `"${label}"`).join(', ')
}

const nodes: NodeOptions = {
  mainStatUnit: UNITS.share,
  secondaryStatUnit: UNITS.requests,
  arcs: [
    { field: 'arc__success', color: 'green' },
    { field: 'arc__failure', color: 'red' },
  ],
}
const edgeStats: EdgeOptions = { mainStatUnit: UNITS.requests, secondaryStatUnit: UNITS.share }

/** What becomes of a query's value: A to D are of nodes, E and F of edges. */
const VALUES = {
  'Value #A': 'secondarystat',
  'Value #B': 'mainstat',
  'Value #C': 'arc__success',
  'Value #D': 'arc__failure',
  'Value #E': 'mainstat',
  'Value #F': 'secondarystat',
} as const

function nodeGraph(): AnyPanel {
  const success = shareOf(receivedGood, receivedAll)
  const queries = [
    // Who only sends is a node too.
    asNode(`(${receivedAll} or 0 * ${atNode(all)})`),
    asNode(success),
    asNode(success),
    asNode(shareOf(receivedBad, receivedAll)),
    asEdge(all),
    asEdge(shareOf(good, all)),
  ]
  return new NodeGraphBuilder()
    .title('Who calls whom')
    .description(
      'As senders tell it, so clients without a proxy are missing. Of nodes: success and rate of what they receive.',
    )
    .datasource(DATASOURCE)
    .height(18)
    .span(24)
    .nodes({ build: () => nodes })
    .edges({ build: () => edgeStats })
    .dataLinks([
      toDashboard('row', 'Workload', 'workload', {
        cluster: 'cluster',
        namespace: 'subtitle',
        workload: 'title',
      }),
    ])
    .targets(queries.map((expr, i) => instantQuery(expr, i).format(PromQueryFormat.Table)))
    .withTransformation({
      id: 'merge',
      filter: { id: 'byRefId', options: '/^(?:A|B|C|D)$/' },
      options: {},
    })
    .withTransformation({ id: 'merge', filter: { id: 'byRefId', options: '/^(?:E|F)$/' }, options: {} })
    .withTransformation({
      id: 'organize',
      options: {
        excludeByName: { Time: true },
        renameByName: { ...VALUES, workload: 'title', namespace: 'subtitle' },
      },
    })
}

export const edgesBoard = dashboard({
  uid: 'edges',
  title: 'Edges',
  description: 'Who calls whom, into the chosen namespaces and out of them.',
  variables: [CLUSTER, NAMESPACE],
  sections: [
    { panels: [nodeGraph()] },
    {
      title: 'Edges',
      panels: [
        goldenListing(
          {
            title: 'Sent',
            labels: [...source, ...target],
            links: { workload: workloadLinks('row') },
          },
          { matchers: sent },
        ),
        goldenListing(
          {
            title: 'Received',
            labels: [...source, ...target],
            links: { workload: workloadLinks('row') },
          },
          { matchers: received },
        ),
      ],
    },
  ],
})
