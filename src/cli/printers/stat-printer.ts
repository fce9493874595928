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
    right('MESHED', ({ meshed, pods }) =>
      meshed === null ? MISSING : `${meshed}/${count(pods?.running ?? null)}`,
    ),
    ...goldenColumns<StatRow>(detail),
    right('TCP_CONN', ({ tcpOpen }) => count(tcpOpen)),
    ...(detail === 'wide'
      ? [
          right<StatRow>('READ_BYTES/SEC', (row) => bytesPerSecond(row.readBytesPerSecond)),
          right<StatRow>('WRITE_BYTES/SEC', (row) => bytesPerSecond(row.writeBytesPerSecond)),
          right<StatRow>('PENDING', ({ pods }) => count(pods?.pending ?? null)),
          right<StatRow>('FAILED', ({ pods }) => count(pods?.failed ?? null)),
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
    pods_running: row.pods?.running ?? null,
    pods_pending: row.pods?.pending ?? null,
    pods_failed: row.pods?.failed ?? null,
    cluster: row.cluster,
    requests: row.requests,
    failures: row.failures,
  }))
}
