import type {
  AnswerBase,
  EdgeRow,
  EmptyReason,
  ReasonRow,
  RouteRow,
  StatRow,
  TapEventAnswer,
  TopRow,
  WorkloadAnswer,
} from '../../src/query/answer.ts'

/** Answers as Linkerd's own tests have them: 123 requests in a minute, all latencies 123 ms. */

export const BASE: AnswerBase = {
  window: {
    requested: '1m',
    from: '2026-11-24T10:00:00.000Z',
    to: '2026-11-24T10:01:00.000Z',
    seconds: 60,
  },
  watermark: '2026-11-24T10:01:00.000Z',
  partial: [],
}

const SIGNALS = {
  success: 1,
  rps: 2.05,
  requests: 123,
  failures: 0,
  latencyMs: { p50: 123, p95: 123, p99: 123 },
}

const NO_SIGNALS = { success: null, rps: null, requests: 0, failures: 0, latencyMs: null }

export function statRow(row: Partial<StatRow> = {}): StatRow {
  return {
    cluster: 'east',
    namespace: 'emojivoto',
    kind: 'deployment',
    name: 'emoji',
    ...SIGNALS,
    tcpOpen: 123,
    readBytesPerSecond: 2.05,
    writeBytesPerSecond: 2.05,
    meshed: 1,
    pods: null,
    ...row,
  }
}

/** What a resource's requests ended for. */
export function reasonRow(row: Partial<ReasonRow> = {}): ReasonRow {
  return {
    cluster: 'east',
    namespace: 'emojivoto',
    kind: 'deployment',
    name: 'web',
    reason: 'timeout',
    requests: 13,
    failures: 13,
    rps: 13 / 60,
    share: 13 / 123,
    statuses: [{ status: 504, grpcStatus: null, requests: 13, failures: 13 }],
    ...row,
  }
}

/** A resource that serves no requests. */
export function idleRow(row: Partial<StatRow> = {}): StatRow {
  return statRow({
    ...NO_SIGNALS,
    tcpOpen: null,
    readBytesPerSecond: null,
    writeBytesPerSecond: null,
    ...row,
  })
}

export function workload(name: string, more: Partial<WorkloadAnswer> = {}): WorkloadAnswer {
  return { cluster: 'east', namespace: 'emojivoto', kind: 'deployment', name, ...more }
}

export function edgeRow(
  source: WorkloadAnswer,
  destination: WorkloadAnswer,
  row: Partial<EdgeRow> = {},
): EdgeRow {
  return {
    source,
    destination,
    secured: 1,
    clientIdentities: [linkerdIdentity(source)],
    serverIdentities: [linkerdIdentity(destination)],
    ...SIGNALS,
    tcpOpen: 1,
    ...row,
  }
}

export function routeRow(route: string, requests: number, row: Partial<RouteRow> = {}): RouteRow {
  return {
    cluster: 'east',
    namespace: 'emojivoto',
    service: 'foobar',
    route,
    method: '',
    ...(requests === 0 ? NO_SIGNALS : { ...SIGNALS, requests, rps: requests / 60 }),
    ...row,
  }
}

export function topRow(source: string, path: string, count: number, row: Partial<TopRow> = {}): TopRow {
  return {
    cluster: 'east',
    source: workload(source),
    destination: workload('web'),
    method: 'GET',
    path,
    count,
    error: 0,
    rps: count / 60,
    success: 1,
    bestMs: 0.413,
    worstMs: 17.2,
    lastMs: 2.4,
    latencyMs: null,
    ...row,
  }
}

/** The request of Linkerd's tap goldens: an answer after 10 s, complete 100 s later. */
export function tapEvent(event: Partial<TapEventAnswer> = {}): TapEventAnswer {
  return {
    time: '2026-11-24T10:00:00.123Z',
    direction: 'outbound',
    source: { ip: '0.0.0.1' },
    destination: { ip: 'ff01::1', pod: 'my-pod' },
    tls: true,
    method: 'GET',
    scheme: 'https',
    authority: 'localhost',
    path: '/some/path',
    status: 200,
    grpcStatus: 666,
    latencyMicros: 110_000_000,
    responseBytes: 1337,
    ...event,
  }
}

export const UNKNOWN_RESOURCE: EmptyReason = {
  kind: 'unknown-resource',
  message:
    'No proxy reports deployment/nope in namespace emojivoto, in the window or in the last hour. ' +
    'Seen were: deployment/web, deployment/emoji.',
  seen: ['deployment/web', 'deployment/emoji'],
}

export const NOT_IN_WINDOW: EmptyReason = {
  kind: 'not-in-window',
  message:
    'Nothing of deployment/web in namespace emojivoto between 10:00 and 10:01; last seen at 2026-11-24T09:00:00.000Z.',
  seen: ['deployment/emoji'],
}

function linkerdIdentity({ name, namespace }: WorkloadAnswer): string {
  return `${name}.${namespace}.serviceaccount.identity.linkerd.cluster.local`
}
