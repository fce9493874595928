/** What families have in common: one line of each for every set of these labels. */
export type Level =
  /** What one pod reports of one destination, service and authority. */
  | 'workload'
  /** The same by route and method. */
  | 'route'

export interface Family {
  /** As samples are called. Of a counter it ends in `_total`. */
  readonly name: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly help: string
}

const family = <const N extends string, T extends Family['type']>(name: N, type: T, help: string) => ({
  name,
  type,
  help,
})

/** The mesh's families, by what they are called in the code of dashboards and rules. */
export const FAMILIES = {
  requests: family('request_total', 'counter', 'Requests, counted when they ended.'),
  responses: family('response_total', 'counter', 'Requests by how they ended.'),
  latency: family('response_latency_ms', 'histogram', 'Time to the end of the response, in milliseconds.'),
  openConnections: family('tcp_open_connections', 'gauge', 'Connections that are open.'),
  opened: family('tcp_open_total', 'counter', 'Connections opened.'),
  closed: family('tcp_close_total', 'counter', 'Connections closed.'),
  readBytes: family('tcp_read_bytes_total', 'counter', 'Bytes read from the peer.'),
  writtenBytes: family('tcp_write_bytes_total', 'counter', 'Bytes written to the peer.'),
  routeRequests: family('route_request_total', 'counter', 'Requests by route, counted when they ended.'),
  routeResponses: family('route_response_total', 'counter', 'Requests by route and how they ended.'),
  routeLatency: family(
    'route_response_latency_ms',
    'histogram',
    'Time to the end of the response by route, in milliseconds.',
  ),
} as const satisfies Readonly<Record<string, Family>>

/** Upper bounds of the classic buckets, in milliseconds: Linkerd's. After them comes +Inf. */
export const LATENCY_BOUNDS = [
  1, 2, 3, 4, 5, 10, 20, 30, 40, 50, 100, 200, 300, 400, 500, 1000, 2000, 3000, 4000, 5000, 10_000, 20_000,
  30_000, 40_000, 50_000,
] as const
