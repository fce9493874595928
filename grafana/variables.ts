import type * as cog from '@grafana/grafana-foundation-sdk/cog'
import {
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  TextBoxVariableBuilder,
  type VariableModel,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard'
import type { DataSourceRef } from '@grafana/grafana-foundation-sdk/common'
import { FAMILIES } from '../src/exporter/families.ts'

type Variable = cog.Builder<VariableModel>

/** The data source that the dashboard's reader chose. */
export const DATASOURCE: DataSourceRef = { type: 'prometheus', uid: '${datasource}' }

/** Every dashboard has them: which Prometheus, and where meshtap's gateway is, for links to it. */
export const EVERYWHERE: readonly Variable[] = [
  new DatasourceVariableBuilder('datasource').label('Data source').type('prometheus'),
  new TextBoxVariableBuilder('gateway')
    .label('meshtap')
    .description("URL of meshtap's gateway, as your browser reaches it: links lead there.")
    .defaultValue('http://localhost:8084'),
]

interface LabelVariable {
  readonly name: string
  readonly label: string
  /** Of which metric and with which labels values are offered. */
  readonly metric?: string
  readonly matchers: string
  readonly of: string
}

/** A variable with the values of a label, of which one, several or all are chosen. */
function labelVariable({ name, label, metric, matchers, of }: LabelVariable): Variable {
  const series = `${metric ?? FAMILIES.requests.name}{${matchers}}`
  return (
    new QueryVariableBuilder(name)
      .label(label)
      .datasource(DATASOURCE)
      .query({ qryType: 1, query: `label_values(${series}, ${of})`, refId: name })
      .definition(`label_values(${series}, ${of})`)
      .refresh(VariableRefresh.OnTimeRangeChanged)
      .sort(VariableSort.AlphabeticalCaseInsensitiveAsc)
      .multi(true)
      .includeAll(true)
      // Not the list of all values, which would make long queries; and series without the label count too.
      .allValue('.*')
      .current({ text: ['All'], value: ['$__all'] })
  )
}

const IN_CLUSTER = 'cluster=~"$cluster"'
const IN_NAMESPACE = `${IN_CLUSTER}, namespace=~"$namespace"`

export const CLUSTER = labelVariable({ name: 'cluster', label: 'Cluster', matchers: '', of: 'cluster' })
export const NAMESPACE = labelVariable({
  name: 'namespace',
  label: 'Namespace',
  matchers: IN_CLUSTER,
  of: 'namespace',
})
export const WORKLOAD = labelVariable({
  name: 'workload',
  label: 'Workload',
  matchers: IN_NAMESPACE,
  of: 'workload',
})
export const POD = labelVariable({
  name: 'pod',
  label: 'Pod',
  matchers: `${IN_NAMESPACE}, workload=~"$workload"`,
  of: 'pod',
})
export const SERVICE = labelVariable({
  name: 'service',
  label: 'Service',
  matchers: `direction="inbound", ${IN_NAMESPACE}`,
  of: 'dst_service',
})
export const ROUTE = labelVariable({
  name: 'route',
  label: 'Route',
  metric: FAMILIES.routeRequests.name,
  matchers: `direction="inbound", ${IN_NAMESPACE}, workload=~"$workload"`,
  of: 'rt_route',
})
export const AUTHORITY = labelVariable({
  name: 'authority',
  label: 'Authority',
  matchers: IN_NAMESPACE,
  of: 'authority',
})

/** Matchers of what the variables choose. */
export const CHOSEN = {
  cluster: IN_CLUSTER,
  namespace: IN_NAMESPACE,
  workload: `${IN_NAMESPACE}, workload=~"$workload"`,
  pod: `${IN_NAMESPACE}, workload=~"$workload", pod=~"$pod"`,
} as const
