import type { StatRow } from '../../query/answer.ts'
import { type Detail, goldenColumns, goldenJson } from './golden-columns.ts'
import { bytesPerSecond, count, MISSING } from './number-format.ts'
import { type StatView, tablesByKind } from './stat-tables.ts'
import { type Column, right } from './table.ts'

/** Success rate, request rate, latency and connections of resources. */
export function statTables(rows: readonly StatRow[], view: StatView): string {
  return tablesByKind(rows, view, statColumns(view.detail))
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
