/** What the query engine answers, and what the HTTP API sends as JSON: one definition for server and clients. */

/** Kinds of resource that `stat` can be asked for. */
export type ResourceKind =
  | 'cluster'
  | 'namespace'
  | 'deployment'
  | 'statefulset'
  | 'daemonset'
  | 'replicaset'
  | 'job'
  | 'cronjob'
  | 'pod'
  | 'service'
  | 'authority'
  | 'route'

/** The time that an answer covers: whole buckets from `from` to `to`; rates are counts divided by `seconds`. */
export interface WindowAnswer {
  /** As asked for, for example `1m`. */
  readonly requested: string
  /** RFC 3339. */
  readonly from: string
  readonly to: string
  readonly seconds: number
}

export interface AnswerBase {
  readonly window: WindowAnswer
  /** Event time up to which every partition is known to be folded, RFC 3339; null where nothing ever was. */
  readonly watermark: string | null
  /**
   * What this answer lacks, each with the reason: stores, clusters or peers that did not answer, and scopes
   * (`cluster/namespace`) whose series are beyond the limit, so that only their sums are known.
   */
  readonly partial: readonly { readonly source: string; readonly reason: string }[]
  /**
   * The namespaces that this answer is of, as patterns `cluster/namespace`, where who asks may not see all: nothing that
   * others report is in it, and who is in others is unknown.
   */
  readonly narrowedTo?: readonly string[]
}

/** Milliseconds, each within the relative error of `latencyError`. */
export interface LatencyAnswer {
  readonly p50: number
  readonly p95: number
  readonly p99: number
}

export interface StatRow {
  readonly cluster: string
  readonly namespace: string
  readonly kind: ResourceKind
  readonly name: string
  /** Successes over requests, 0 to 1; null where there were no requests. */
  readonly success: number | null
  /** Requests a second; null where there were none. */
  readonly rps: number | null
  readonly requests: number
  readonly failures: number
  /** Null where there were no requests. */
  readonly latencyMs: LatencyAnswer | null
  /** Open TCP connections; null where no proxy reports any. */
  readonly tcpOpen: number | null
  /** Null where no proxy reports connections. */
  readonly readBytesPerSecond: number | null
  readonly writeBytesPerSecond: number | null
  /** Reporting pods heard of in the last 60 s; null for kinds that have no pods (service, authority, route). */
  readonly meshed: number | null
  /** Those that there are now; null where nobody knows, and for kinds that have no pods. */
  readonly pods: PodsAnswer | null
}

/** Pods as their cluster's Kubernetes has them, by phase. Those that are done are not counted. */
export interface PodsAnswer {
  readonly running: number
  readonly pending: number
  readonly failed: number
}

export interface StatAnswer extends AnswerBase {
  /** By kind, then cluster, namespace, name. */
  readonly rows: readonly StatRow[]
  /** Largest relative error of a latency quantile. */
  readonly latencyError: number
  /** Where `rows` is empty: why. */
  readonly empty?: EmptyReason
}

/** The requests of a resource that ended for one reason. Latency is not kept by reason. */
export interface ReasonRow {
  readonly cluster: string
  readonly namespace: string
  readonly kind: ResourceKind
  readonly name: string
  /** The proxy's word, for example `timeout`; empty where none was given. `__overflow__` stands for many rare ones. */
  readonly reason: string
  readonly requests: number
  readonly failures: number
  /** Requests a second. */
  readonly rps: number
  /** Of all requests of the resource, 0 to 1. */
  readonly share: number
  /**
   * How the requests were answered, but for those that succeeded without a reason; the most frequent first, at most 10.
   */
  readonly statuses: readonly StatusCount[]
}

export interface StatusCount {
  /** Null where no response came. */
  readonly status: number | null
  /** Null where there is none. */
  readonly grpcStatus: number | null
  readonly requests: number
  readonly failures: number
}

/** `stat` by reason: of each resource, what `stat` counts, taken apart. */
export interface ReasonsAnswer extends AnswerBase {
  readonly by: 'reason'
  /** By kind, then cluster, namespace, name; of each the reasons with most failures, then with most requests, first. */
  readonly rows: readonly ReasonRow[]
  readonly empty?: EmptyReason
}

/** Why an answer has no rows, in words for people, and what there is instead. */
export interface EmptyReason {
  readonly kind: 'nothing-at-all' | 'unknown-resource' | 'not-in-window'
  readonly message: string
  /** Resources that were seen, as `kind/name` of the namespace asked for or `namespace/kind/name`; at most 10. */
  readonly seen: readonly string[]
}

export interface TopRow {
  readonly cluster: string
  readonly source: WorkloadAnswer
  readonly destination: WorkloadAnswer
  readonly method: string
  /** The path, or the route when rows are by route. */
  readonly path: string
  /** At least the true number of requests, and at most `error` more; `error` is 0 where counts are exact. */
  readonly count: number
  readonly error: number
  readonly rps: number
  readonly success: number
  /** Milliseconds. Null by route, which keeps quantiles instead. */
  readonly bestMs: number | null
  readonly worstMs: number | null
  readonly lastMs: number | null
  /** Null by path. */
  readonly latencyMs: LatencyAnswer | null
}

export interface WorkloadAnswer {
  readonly cluster: string
  readonly namespace: string
  readonly kind: string
  readonly name: string
}

export interface TopAnswer extends AnswerBase {
  /** By count, descending. */
  readonly rows: readonly TopRow[]
  readonly by: 'path' | 'route'
  /** Requests of all rows, those that did not fit the answer's limit included. */
  readonly total: number
  readonly empty?: EmptyReason
}

export interface EdgeRow {
  readonly source: WorkloadAnswer
  readonly destination: WorkloadAnswer
  /** Share of requests over TLS, 0 to 1, as the side says that counts them, else the other; null where no proxy does. */
  readonly secured: number | null
  /** TLS identities that the source showed, in order of their text, at most 8; none where no proxy says. */
  readonly clientIdentities: readonly string[]
  /** Those of the destination. */
  readonly serverIdentities: readonly string[]
  readonly success: number | null
  readonly rps: number | null
  readonly requests: number
  readonly failures: number
  readonly latencyMs: LatencyAnswer | null
  readonly tcpOpen: number | null
}

export interface EdgesAnswer extends AnswerBase {
  /** By source, then destination. */
  readonly rows: readonly EdgeRow[]
  readonly empty?: EmptyReason
}

export interface RouteRow {
  readonly cluster: string
  readonly namespace: string
  readonly service: string
  /** `[DEFAULT]` where a request had neither route nor path. */
  readonly route: string
  readonly method: string
  readonly success: number | null
  readonly rps: number | null
  readonly requests: number
  readonly failures: number
  readonly latencyMs: LatencyAnswer | null
}

export interface RoutesAnswer extends AnswerBase {
  /** By service, then route, then method. */
  readonly rows: readonly RouteRow[]
  readonly empty?: EmptyReason
}

export interface TimeseriesPoint {
  /** Start of the step, RFC 3339. */
  readonly time: string
  readonly requests: number
  readonly success: number | null
  readonly rps: number
  readonly latencyMs: LatencyAnswer | null
}

export interface TimeseriesAnswer extends AnswerBase {
  readonly stepSeconds: number
  readonly series: readonly {
    readonly cluster: string
    readonly namespace: string
    readonly kind: ResourceKind
    readonly name: string
    readonly points: readonly TimeseriesPoint[]
  }[]
  readonly empty?: EmptyReason
}

export interface ResourcesAnswer extends AnswerBase {
  /** Everything seen in the window, by cluster, namespace, kind, name. */
  readonly resources: readonly {
    readonly cluster: string
    readonly namespace: string
    readonly kind: ResourceKind
    readonly name: string
  }[]
}

/** One line of a tap's NDJSON, or one frame of its websocket. Counts are since the tap began. */
export interface TapAnswer {
  readonly events: readonly TapEventAnswer[]
  readonly seen: number
  readonly matched: number
  readonly sent: number
  /** Matching events that this client did not get because it read too slowly. */
  readonly dropped: number
  /** Matching events left out to keep to `max_rps`. */
  readonly sampledOut: number
  /** Of a frame of the past: `since` or `last` was asked for, and its events are read from the log. */
  readonly replay?: ReplayProgress
  /** Of the first frame, where not everything may be seen: as of an answer. */
  readonly narrowedTo?: readonly string[]
}

export type ReplayProgress =
  | { readonly state: 'running' }
  /** The last frame of the past. What follows is live, without gap or repetition. */
  | { readonly state: 'done' }
  /** As `done`, but what happened between the last event of the past and now is missing. */
  | { readonly state: 'cut'; readonly reason: string }

/** A request event in the shape that `POST /v1/events` takes. */
export interface TapEventAnswer {
  readonly time: string
  readonly direction: 'inbound' | 'outbound'
  readonly [field: string]: unknown
}
