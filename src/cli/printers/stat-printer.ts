import type { ResourceKind, StatRow } from '../../query/answer.ts'
import { type Detail, goldenColumns, goldenJson } from './golden-columns.ts'
import { bytesPerSecond, count, MISSING } from './number-format.ts'
import { isSeveral, resourceName, textOrMissing } from './resource-name.ts'
import { type Column, left, renderTables, right, type Table } from './table.ts'

export interface StatView {
  readonly detail: Detail
  /** Rows may be of several namespaces. */
  readonly withNamespace: boolean
}

/** One table a kind, the kinds in alphabetical order. */
export function statTables(rows: readonly StatRow[], view: StatView): string {
  const kinds = [...new Set(rows.map(({ kind }) => kind))].sort()
  const isOfSeveralKinds = kinds.length > 1
  const isOfSeveralClusters = isSeveral(rows, ({ cluster }) => cluster)
  const tables = kinds.map((kind): Table<StatRow> => ({
    columns: [
      ...(isOfSeveralClusters && kind !== 'cluster' ? [left('CLUSTER', clusterOf)] : []),
      ...(view.withNamespace && isInNamespace(kind) ? [left('NAMESPACE', namespaceOf)] : []),
      left<StatRow>('NAME', (row) => resourceName(row, isOfSeveralKinds)),
      ...statColumns(view.detail),
    ],
    rows: rows.filter((row) => row.kind === kind),
  }))
  return renderTables(tables)
}

const clusterOf = ({ cluster }: StatRow): string => textOrMissing(cluster)
const namespaceOf = ({ namespace }: StatRow): string => textOrMissing(namespace)

function isInNamespace(kind: ResourceKind): boolean {
  return kind !== 'cluster' && kind !== 'namespace'
}

function statColumns(detail: Detail): Column<StatRow>[] {
  return [
    // How many pods run is Kubernetes' to say: unknown here.
    right('MESHED', ({ meshed }) => (meshed === null ? MISSING : `${meshed}/${MISSING}`)),
    ...goldenColumns<StatRow>(detail),
    right('TCP_CONN', ({ tcpOpen }) => count(tcpOpen)),
    ...(detail === 'wide'
      ? [
          right<StatRow>('READ_BYTES/SEC', (row) => bytesPerSecond(row.readBytesPerSecond)),
          right<StatRow>('WRITE_BYTES/SEC', (row) => bytesPerSecond(row.writeBytesPerSecond)),
        ]
      : []),
  ]
}

/** Linkerd's keys, then those that it lacks. */
export function statJson(rows: readonly StatRow[]): object {
  return rows.map((row) => ({
    namespace: row.namespace,
    kind: row.kind,
    name: row.name,
    ...goldenJson(row),
    tcp_open_connections: row.tcpOpen,
    tcp_read_bytes_rate: row.readBytesPerSecond,
    tcp_write_bytes_rate: row.writeBytesPerSecond,
    meshed: row.meshed,
    cluster: row.cluster,
    requests: row.requests,
    failures: row.failures,
  }))
}
