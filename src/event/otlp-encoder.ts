import type { Endpoint, Header, RequestEvent } from './event.ts'
import { MAX_PORT } from './limits.ts'
import {
  GRPC_STATUS_NAMES,
  HTTP_NAME_WORDS,
  KIND_CLIENT,
  KIND_SERVER,
  REQUEST_HEADER_PREFIX,
  RESPONSE_HEADER_PREFIX,
  STATUS_ERROR,
  WORKLOAD_KINDS,
} from './otlp-conventions.ts'
import { ProtobufWriter } from './protobuf-writer.ts'

type AttributeValue = string | number | boolean | readonly string[]
type Attributes = Map<string, AttributeValue>

const SCOPE_NAME = 'meshtap'
const MAX_NANOS = 2n ** 64n - 1n
const NANOS_PER_MILLI = 1_000_000n
const NANOS_PER_MICRO = 1000n

/**
 * Encodes requests as an ExportTraceServiceRequest, a span each, in OpenTelemetry's HTTP and RPC conventions; spans of
 * one reporting endpoint and proxy share a ResourceSpans and keep their order. `decodeOtlpTraces` gives the same events
 * but for what `docs/otlp.md` lists under what OTLP cannot carry.
 *
 * Throws a RangeError for a request whose times OTLP cannot hold: it began in 1970 or before, or ends after 2554.
 */
export function encodeOtlpTraces(events: readonly RequestEvent[]): Uint8Array {
  const groups = new Map<string, { readonly resource: Attributes; readonly spans: RequestEvent[] }>()
  for (const event of events) {
    const resource = resourceOf(event)
    const key = JSON.stringify([...resource])
    const group = groups.get(key)
    if (group === undefined) groups.set(key, { resource, spans: [event] })
    else group.spans.push(event)
  }
  const writer = new ProtobufWriter(64 * events.length + 1024)
  let spanId = 0n
  for (const { resource, spans } of groups.values()) {
    writer.message(1, () => {
      writer.message(1, () => writeAttributes(writer, 1, resource))
      writer.message(2, () => {
        writer.message(1, () => writer.string(1, SCOPE_NAME))
        for (const event of spans) writer.message(2, () => writeSpan(writer, event, ++spanId))
      })
    })
  }
  return writer.finish()
}

function writeSpan(writer: ProtobufWriter, event: RequestEvent, spanId: bigint): void {
  const end = BigInt(event.timeMs) * NANOS_PER_MILLI
  const start = end - BigInt(event.latencyMicros) * NANOS_PER_MICRO
  if (start <= 0n || end > MAX_NANOS) {
    const message = `a request of ${event.latencyMicros} µs until ${event.timeMs} ms since 1970 is beyond OTLP's times`
    throw new RangeError(message)
  }
  if (event.traceId !== undefined) writer.bytes(1, bytesOfHex(event.traceId))
  writer.bytes(2, bytesOf(spanId))
  writer.string(5, nameOf(event))
  writer.varint(6, event.direction === 'inbound' ? KIND_SERVER : KIND_CLIENT)
  writer.fixed64(7, start)
  writer.fixed64(8, end)
  writeAttributes(writer, 9, attributesOf(event))
  if (isError(event)) writer.message(15, () => writer.varint(3, STATUS_ERROR))
}

/** `GET /users/{id}`, as the conventions want it. A name alone would be taken for a route. */
function nameOf({ method = 'HTTP', route }: RequestEvent): string {
  if (route !== undefined) return `${method} ${route}`
  return HTTP_NAME_WORDS.some((word) => word === method) ? method : 'HTTP'
}

/** As the conventions set a span's status; a request without any answer is one that was reset, or is still well. */
function isError({ direction, status, grpcStatus, reset }: RequestEvent): boolean {
  if (grpcStatus !== undefined) return grpcStatus !== 0
  if (status === undefined || status === 0) return reset === true
  return status >= (direction === 'inbound' ? 500 : 400)
}

function resourceOf(event: RequestEvent): Attributes {
  const endpoint = event.direction === 'inbound' ? event.destination : (event.source ?? {})
  const attributes: Attributes = new Map()
  put(attributes, 'service.name', endpoint.service)
  put(attributes, 'service.instance.id', event.proxy)
  put(attributes, 'k8s.cluster.name', endpoint.cluster)
  put(attributes, 'k8s.namespace.name', endpoint.namespace)
  const kind = WORKLOAD_KINDS.find((kind) => kind === endpoint.kind) ?? 'deployment'
  put(attributes, `k8s.${kind}.name`, endpoint.name)
  put(attributes, 'k8s.pod.name', endpoint.pod)
  put(attributes, 'k8s.pod.ip', endpoint.ip)
  return attributes
}

function attributesOf(event: RequestEvent): Attributes {
  const attributes: Attributes = new Map()
  put(attributes, 'http.request.method', event.method)
  putAuthority(attributes, event.authority)
  put(attributes, 'url.scheme', event.scheme)
  putPath(attributes, event.path)
  put(attributes, 'http.route', event.route)
  put(attributes, 'http.response.status_code', event.status)
  if (event.grpcStatus !== undefined) {
    put(attributes, 'rpc.system.name', 'grpc')
    put(
      attributes,
      'rpc.response.status_code',
      GRPC_STATUS_NAMES[event.grpcStatus] ?? String(event.grpcStatus),
    )
  }
  put(attributes, 'error.type', event.reason)
  put(attributes, 'http.request.body.size', event.requestBytes)
  put(attributes, 'http.response.body.size', event.responseBytes)
  put(attributes, 'tls.established', event.tls)
  if (event.direction === 'inbound') putSource(attributes, event.source ?? {}, event.destination)
  else putDestination(attributes, event.destination, event.source ?? {})
  putHeaders(attributes, REQUEST_HEADER_PREFIX, event.requestHeaders)
  putHeaders(attributes, RESPONSE_HEADER_PREFIX, event.responseHeaders)
  return attributes
}

function putSource(attributes: Attributes, source: Endpoint, reporter: Endpoint): void {
  put(attributes, 'peer.service', source.name)
  putPeer(attributes, 'source', source, reporter, source.name !== undefined)
}

function putDestination(attributes: Attributes, destination: Endpoint, reporter: Endpoint): void {
  const { name, service } = destination
  if (name === service) {
    put(attributes, 'peer.service', name)
  } else {
    put(attributes, 'destination.workload', name)
    put(attributes, 'destination.service', service)
  }
  putPeer(attributes, 'destination', destination, reporter, name !== undefined || service !== undefined)
  put(attributes, 'network.peer.port', destination.port)
}

function putPeer(
  attributes: Attributes,
  side: 'source' | 'destination',
  peer: Endpoint,
  reporter: Endpoint,
  isNamed: boolean,
): void {
  for (const field of ['namespace', 'cluster'] as const) {
    // An empty text says that there is none: a peer with a name would inherit the reporter's.
    const inherits = isNamed && peer[field] === undefined && reporter[field] !== undefined
    put(attributes, `${side}.${field}`, inherits ? '' : peer[field])
  }
  put(attributes, `${side}.principal`, peer.identity)
  put(attributes, 'peer.pod', peer.pod)
  if (peer.kind !== 'deployment') put(attributes, 'peer.kind', peer.kind)
  put(attributes, 'network.peer.address', peer.ip)
}

/** `server.address` and, where the authority ends in one, `server.port`. */
function putAuthority(attributes: Attributes, authority: string | undefined): void {
  const [, host, port] = /^(\[[^\]]*\]|[^:[\]]+):([1-9]\d{0,4})$/.exec(authority ?? '') ?? []
  if (host === undefined || Number(port) > MAX_PORT) {
    put(attributes, 'server.address', authority)
    return
  }
  put(attributes, 'server.address', host)
  put(attributes, 'server.port', Number(port))
}

/** `url.path` and `url.query`; a `?` with nothing before or after it stays in the path. */
function putPath(attributes: Attributes, path: string | undefined): void {
  const [, before, query] = /^([^?]+)\?(.+)$/s.exec(path ?? '') ?? []
  put(attributes, 'url.path', before ?? path)
  put(attributes, 'url.query', query)
}

function putHeaders(attributes: Attributes, prefix: string, headers: readonly Header[] = []): void {
  for (const { name, value } of headers) {
    const key = `${prefix}${name.toLowerCase()}`
    const values = (attributes.get(key) ?? []) as readonly string[]
    attributes.set(key, [...values, value])
  }
}

function put(attributes: Attributes, key: string, value: AttributeValue | undefined): void {
  if (value !== undefined) attributes.set(key, value)
}

function writeAttributes(writer: ProtobufWriter, field: number, attributes: Attributes): void {
  for (const [key, value] of attributes) {
    writer.message(field, () => {
      writer.string(1, key)
      writer.message(2, () => writeValue(writer, value))
    })
  }
}

function writeValue(writer: ProtobufWriter, value: AttributeValue): void {
  if (typeof value === 'string') writer.string(1, value)
  else if (typeof value === 'boolean') writer.varint(2, value ? 1 : 0)
  else if (typeof value === 'number') writer.varint(3, value)
  else writer.message(5, () => value.forEach((text) => writer.message(1, () => writer.string(1, text))))
}

function bytesOf(id: bigint): Uint8Array {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setBigUint64(0, id)
  return bytes
}

function bytesOfHex(text: string): Uint8Array {
  return Uint8Array.from({ length: text.length / 2 }, (_, i) =>
    Number.parseInt(text.slice(2 * i, 2 * i + 2), 16),
  )
}
