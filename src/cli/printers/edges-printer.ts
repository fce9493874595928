import type { EdgeRow, WorkloadAnswer } from '../../query/answer.ts'
import { type Detail, goldenColumns, goldenJson } from './golden-columns.ts'
import { count, MISSING, percent } from './number-format.ts'
import { isSeveral, resourceName, textOrMissing } from './resource-name.ts'
import { type Column, left, renderTables, right } from './table.ts'

/** By namespaces, then names, as Linkerd sorts edges. */
export function edgesTable(rows: readonly EdgeRow[], detail: Detail): string {
  const ends = rows.flatMap(({ source, destination }) => [source, destination])
  const withKind = isSeveral(ends, ({ kind }) => kind)
  const withCluster = isSeveral(ends, ({ cluster }) => cluster)
  const name = (end: WorkloadAnswer): string => resourceName(end, withKind)
  const columns: Column<EdgeRow>[] = [
    left('SRC', ({ source }) => name(source)),
    left('DST', ({ destination }) => name(destination)),
    left('SRC_NS', ({ source }) => textOrMissing(source.namespace)),
    left('DST_NS', ({ destination }) => textOrMissing(destination.namespace)),
    ...(withCluster
      ? [
          left<EdgeRow>('SRC_CLUSTER', ({ source }) => textOrMissing(source.cluster)),
          left<EdgeRow>('DST_CLUSTER', ({ destination }) => textOrMissing(destination.cluster)),
        ]
      : []),
    ...(detail === 'wide'
      ? [
          left<EdgeRow>('CLIENT_ID', ({ clientIdentities }) =>
            textOrMissing(shortIdentities(clientIdentities)),
          ),
          left<EdgeRow>('SERVER_ID', ({ serverIdentities }) =>
            textOrMissing(shortIdentities(serverIdentities)),
          ),
        ]
      : []),
    left('SECURED', ({ secured }) => securedText(secured)),
    ...(detail === 'wide'
      ? [...goldenColumns<EdgeRow>(detail), right<EdgeRow>('TCP_CONN', ({ tcpOpen }) => count(tcpOpen))]
      : []),
  ]
  return renderTables([{ columns, rows: sortedEdges(rows) }])
}

/** Linkerd's keys, then those that it lacks. */
export function edgesJson(rows: readonly EdgeRow[]): object {
  return sortedEdges(rows).map((row) => ({
    src: row.source.name,
    src_namespace: row.source.namespace,
    dst: row.destination.name,
    dst_namespace: row.destination.namespace,
    client_id: shortIdentities(row.clientIdentities),
    server_id: shortIdentities(row.serverIdentities),
    no_tls_reason: noTlsReason(row.secured),
    secured: row.secured,
    src_kind: row.source.kind,
    src_cluster: row.source.cluster,
    dst_kind: row.destination.kind,
    dst_cluster: row.destination.cluster,
    ...goldenJson(row),
    requests: row.requests,
    failures: row.failures,
    tcp_open_connections: row.tcpOpen,
  }))
}

function sortedEdges(rows: readonly EdgeRow[]): EdgeRow[] {
  return rows
    .map((row) => ({ row, key: sortKey(row) }))
    .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
    .map(({ row }) => row)
}

function sortKey({ source, destination }: EdgeRow): string {
  return JSON.stringify([
    source.namespace,
    destination.namespace,
    source.name,
    destination.name,
    source.cluster,
    destination.cluster,
    source.kind,
    destination.kind,
  ])
}

/** `√` as Linkerd has it where all requests are over TLS; the share where some are. */
function securedText(secured: number | null): string {
  if (secured === null) return MISSING
  if (secured === 1) return '√'
  return secured === 0 ? 'no' : percent(secured)
}

function noTlsReason(secured: number | null): string {
  if (secured === null) return 'Not Reported'
  if (secured === 1) return ''
  return secured === 0 ? 'Not Encrypted' : 'Partly Encrypted'
}

/** Linkerd's identities by their first two parts, service account and namespace; others, such as SPIFFE ids, whole. */
function shortIdentities(identities: readonly string[]): string {
  const short = identities.map((identity) =>
    identity.includes('/') ? identity : identity.split('.').slice(0, 2).join('.'),
  )
  return [...new Set(short)].join(',')
}
