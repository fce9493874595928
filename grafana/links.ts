import type * as cog from '@grafana/grafana-foundation-sdk/cog'
import {
  type DashboardLink,
  DashboardLinkBuilder,
  DashboardLinkType,
} from '@grafana/grafana-foundation-sdk/dashboard'

type Link = cog.Builder<DashboardLink>

/** All of meshtap's dashboards have it. */
export const TAG = 'meshtap'

/** Uids of the dashboards, by which links find them. */
export const UIDS = {
  topLine: 'meshtap-top-line',
  namespace: 'meshtap-namespace',
  workload: 'meshtap-workload',
  pod: 'meshtap-pod',
  service: 'meshtap-service',
  route: 'meshtap-route',
  authority: 'meshtap-authority',
  multiCluster: 'meshtap-multi-cluster',
  edges: 'meshtap-edges',
  health: 'meshtap-health',
} as const

/** At the top of each dashboard: the others, and meshtap itself. */
export const DASHBOARD_LINKS: readonly Link[] = [
  new DashboardLinkBuilder('Mesh')
    .type(DashboardLinkType.Dashboards)
    .tags([TAG])
    .asDropdown(true)
    .includeVars(true)
    .keepTime(true),
  new DashboardLinkBuilder('meshtap')
    .type(DashboardLinkType.Link)
    .icon('external link')
    .tooltip('What this gateway can be asked')
    .url('${gateway}/')
    .targetBlank(true),
]

/** Where the value of a label is found: in the labels of a line, or in the row of a table. */
export type Place = 'series' | 'row'

function valueOf(place: Place, label: string): string {
  const at = place === 'series' ? `__field.labels.${label}` : `__data.fields.${label}`
  return `\${${at}:percentencode}`
}

/**
 * A link to a dashboard about what was clicked: `variables` says which label each of its variables is taken from. The
 * data source, the gateway and the time stay.
 */
export function toDashboard(
  place: Place,
  title: string,
  dashboard: keyof typeof UIDS,
  variables: Readonly<Record<string, string>>,
): Link {
  const chosen = Object.entries(variables).map(([name, label]) => `var-${name}=${valueOf(place, label)}`)
  const parts = ['${datasource:queryparam}', '${gateway:queryparam}', ...chosen, '${__url_time_range}']
  return new DashboardLinkBuilder(title).url(`/d/${UIDS[dashboard]}?${parts.join('&')}`)
}

/** A link to what meshtap's gateway answers about what was clicked: figures now, or requests as they happen. */
export function toGateway(
  place: Place,
  title: string,
  path: 'stat' | 'tap' | 'top' | 'routes' | 'edges',
  parameters: Readonly<Record<string, string>>,
): Link {
  const query = Object.entries(parameters).map(([name, label]) => `${name}=${valueOf(place, label)}`)
  return new DashboardLinkBuilder(title)
    .url(`\${gateway}/api/v1/${path}?${query.join('&')}`)
    .targetBlank(true)
}

/** What one may want to see of a workload. */
export function workloadLinks(place: Place): Link[] {
  const labels = { cluster: 'cluster', namespace: 'namespace' }
  return [
    toDashboard(place, 'Workload', 'workload', { ...labels, workload: 'workload' }),
    toDashboard(place, 'Its pods', 'pod', { ...labels, workload: 'workload' }),
    toDashboard(place, 'Its routes', 'route', { ...labels, workload: 'workload' }),
    toGateway(place, 'Its figures, from meshtap', 'stat', { ...labels, resource: 'workload' }),
    toGateway(place, 'Its requests, live', 'tap', { ...labels, resource: 'workload' }),
  ]
}

export function namespaceLinks(place: Place): Link[] {
  const labels = { cluster: 'cluster', namespace: 'namespace' }
  return [
    toDashboard(place, 'Namespace', 'namespace', labels),
    toDashboard(place, 'Who calls whom', 'edges', labels),
    toGateway(place, 'Its requests, live', 'tap', labels),
  ]
}

export function clusterLinks(place: Place): Link[] {
  return [
    toDashboard(place, 'Cluster', 'topLine', { cluster: 'cluster' }),
    toGateway(place, 'Its requests, live', 'tap', { cluster: 'cluster' }),
  ]
}
