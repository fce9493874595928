/** What a proxy reports: requests and connections, as plain objects. The hot path works on `EventColumns` instead. */

export type Direction = 'inbound' | 'outbound'

/** One end of a request. Every field may be unknown. */
export interface Endpoint {
  readonly cluster?: string
  readonly namespace?: string
  /** Workload kind in the singular: `deployment`, `statefulset`, … */
  readonly kind?: string
  /** Workload name. */
  readonly name?: string
  readonly pod?: string
  readonly service?: string
  readonly ip?: string
  readonly port?: number
  /** TLS identity, for example a SPIFFE id. */
  readonly identity?: string
}

export interface Header {
  readonly name: string
  readonly value: string
}

/** What request and connection events share. */
interface Observation {
  /** Epoch milliseconds. Of a request: when its response ended. */
  readonly timeMs: number
  /** The side that reports: `inbound` is the destination's proxy, `outbound` the source's. */
  readonly direction: Direction
  /** Id of the reporting proxy; the reporting endpoint's pod stands in for it. */
  readonly proxy?: string
  readonly source?: Endpoint
  readonly destination: Endpoint
  /** Undefined where the proxy does not say. */
  readonly tls?: boolean
}

/** One complete request: start, response and end in one. */
export interface RequestEvent extends Observation {
  readonly kind: 'request'
  readonly method?: string
  readonly scheme?: string
  readonly authority?: string
  /** Route as the proxy names it; without it the aggregator derives one from the path. */
  readonly route?: string
  /** As sent, with its query string. */
  readonly path?: string
  /** HTTP status; undefined where no response came. */
  readonly status?: number
  readonly grpcStatus?: number
  /** The stream was reset before it ended. */
  readonly reset?: boolean
  /** Why it failed, in the proxy's words, for example Envoy's response flags. */
  readonly reason?: string
  /** From the request's first byte to the response's last, whole microseconds. */
  readonly latencyMicros: number
  readonly requestBytes?: number
  readonly responseBytes?: number
  /** 32 hexadecimal digits. */
  readonly traceId?: string
  readonly requestHeaders?: readonly Header[]
  readonly responseHeaders?: readonly Header[]
}

/** What a proxy knows of its connections between two endpoints since its last such event. */
export interface ConnectionEvent extends Observation {
  readonly kind: 'connection'
  /** Connections open now. A proxy reports it at least every 15 s. */
  readonly open?: number
  /** Connections opened since the last event. */
  readonly opened?: number
  /** Connections closed since the last event. */
  readonly closed?: number
  readonly readBytes?: number
  readonly writtenBytes?: number
}

export type MeshEvent = RequestEvent | ConnectionEvent
