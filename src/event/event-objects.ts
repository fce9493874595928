import { type Dictionary, FLAG_OUTBOUND, FLAG_TLS, FLAG_TLS_KNOWN } from './dictionary.ts'
import type { ConnectionEvent, Endpoint, Header, MeshEvent, RequestEvent } from './event.ts'
import { type EventColumns, TRACE_BYTES } from './event-columns.ts'

type Mutable<T> = { -readonly [F in keyof T]: T[F] }
type HttpFields = Pick<RequestEvent, 'authority' | 'method' | 'scheme' | 'route' | 'path'>

const SIDES = ['request', 'response'] as const

/** Appends an event given as an object. For reporters and tests; decoders write columns directly. */
export function addEvent(columns: EventColumns, event: MeshEvent): void {
  const { dictionary } = columns
  if (event.kind === 'connection') {
    columns.addConnection(
      internFlow(dictionary, event, {}),
      event.timeMs,
      event.open ?? -1,
      event.opened ?? 0,
      event.closed ?? 0,
      event.readBytes ?? 0,
      event.writtenBytes ?? 0,
    )
    return
  }
  const symbols = dictionary.symbols
  const index = columns.addRequest(
    internFlow(dictionary, event, event),
    dictionary.outcome(
      event.status ?? -1,
      event.grpcStatus ?? -1,
      event.reset === true,
      symbols.intern(event.reason ?? ''),
    ),
    event.timeMs,
    event.latencyMicros,
    event.requestBytes ?? 0,
    event.responseBytes ?? 0,
  )
  if (event.traceId !== undefined) columns.setTrace(index, parseTraceId(event.traceId), 0)
  for (const side of SIDES) {
    for (const { name, value } of event[`${side}Headers`] ?? []) {
      columns.addHeader(index, side, symbols.intern(name.toLowerCase()), symbols.intern(value))
    }
  }
}

/** Request `index` as an object. */
export function requestAt(columns: EventColumns, index: number): RequestEvent {
  const { dictionary } = columns
  const flow = columns.flow[index]!
  const event: Mutable<RequestEvent> = {
    kind: 'request',
    timeMs: columns.timeMs[index]!,
    ...observationOf(dictionary, flow),
    latencyMicros: columns.latencyMicros[index]!,
  }
  for (const field of ['method', 'scheme', 'authority', 'route', 'path'] as const) {
    const text = dictionary.flowText(flow, field)
    if (text !== '') event[field] = text
  }
  const outcome = columns.outcome[index]!
  if (dictionary.outcomeStatus(outcome) >= 0) event.status = dictionary.outcomeStatus(outcome)
  if (dictionary.outcomeGrpcStatus(outcome) >= 0) event.grpcStatus = dictionary.outcomeGrpcStatus(outcome)
  if (dictionary.outcomeReset(outcome)) event.reset = true
  const reason = dictionary.symbols.text(dictionary.outcomeReason(outcome))
  if (reason !== '') event.reason = reason
  if (columns.requestBytes[index] !== 0) event.requestBytes = columns.requestBytes[index]!
  if (columns.responseBytes[index] !== 0) event.responseBytes = columns.responseBytes[index]!
  const traceId = traceIdAt(columns, index)
  if (traceId !== undefined) event.traceId = traceId
  for (const side of SIDES) {
    const headers = headersAt(columns, index, side)
    if (headers.length > 0) event[`${side}Headers`] = headers
  }
  return event
}

/** Connection event `index` as an object. */
export function connectionAt(columns: EventColumns, index: number): ConnectionEvent {
  const event: Mutable<ConnectionEvent> = {
    kind: 'connection',
    timeMs: columns.connectionTimeMs[index]!,
    ...observationOf(columns.dictionary, columns.connectionFlow[index]!),
  }
  if (columns.connectionOpen[index]! >= 0) event.open = columns.connectionOpen[index]!
  if (columns.connectionOpened[index] !== 0) event.opened = columns.connectionOpened[index]!
  if (columns.connectionClosed[index] !== 0) event.closed = columns.connectionClosed[index]!
  if (columns.connectionReadBytes[index] !== 0) event.readBytes = columns.connectionReadBytes[index]!
  if (columns.connectionWrittenBytes[index] !== 0) event.writtenBytes = columns.connectionWrittenBytes[index]!
  return event
}

/** All events as objects, requests first. */
export function eventsOf(columns: EventColumns): MeshEvent[] {
  const events: MeshEvent[] = []
  for (let i = 0; i < columns.requests; i++) events.push(requestAt(columns, i))
  for (let i = 0; i < columns.connections; i++) events.push(connectionAt(columns, i))
  return events
}

/** Trace id of request `index` as 32 hexadecimal digits, undefined where it has none. */
export function traceIdAt(columns: EventColumns, index: number): string | undefined {
  if (!columns.hasTraces) return undefined
  let text = ''
  let any = 0
  for (let i = index * TRACE_BYTES; i < (index + 1) * TRACE_BYTES; i++) {
    const byte = columns.traceIds[i]!
    any |= byte
    text += byte.toString(16).padStart(2, '0')
  }
  return any === 0 ? undefined : text
}

/** One side's headers of request `index`. */
export function headersAt(columns: EventColumns, index: number, side: 'request' | 'response'): Header[] {
  const found: Header[] = []
  const symbols = columns.dictionary.symbols
  const wanted = side === 'response' ? 1 : 0
  for (let at = columns.firstHeader(index); at < columns.headers && columns.headerEvent[at] === index; at++) {
    if (columns.headerSide[at] !== wanted) continue
    found.push({ name: symbols.text(columns.headerName[at]!), value: symbols.text(columns.headerValue[at]!) })
  }
  return found
}

function internFlow(dictionary: Dictionary, event: MeshEvent, http: HttpFields): number {
  const symbols = dictionary.symbols
  return dictionary.flow(
    (event.direction === 'outbound' ? FLAG_OUTBOUND : 0) |
      (event.tls === undefined ? 0 : FLAG_TLS_KNOWN | (event.tls ? FLAG_TLS : 0)),
    event.source === undefined ? 0 : internEndpoint(dictionary, event.source),
    internEndpoint(dictionary, event.destination),
    symbols.intern(http.authority ?? ''),
    symbols.intern(http.method ?? ''),
    symbols.intern(http.scheme ?? ''),
    symbols.intern(http.route ?? ''),
    symbols.intern(http.path ?? ''),
    symbols.intern(event.proxy ?? ''),
  )
}

function internEndpoint(dictionary: Dictionary, endpoint: Endpoint): number {
  const symbols = dictionary.symbols
  return dictionary.endpoint(
    symbols.intern(endpoint.cluster ?? ''),
    symbols.intern(endpoint.namespace ?? ''),
    symbols.intern(endpoint.kind ?? ''),
    symbols.intern(endpoint.name ?? ''),
    symbols.intern(endpoint.pod ?? ''),
    symbols.intern(endpoint.service ?? ''),
    symbols.intern(endpoint.ip ?? ''),
    endpoint.port ?? 0,
    symbols.intern(endpoint.identity ?? ''),
  )
}

function observationOf(
  dictionary: Dictionary,
  flow: number,
): Pick<RequestEvent, 'direction' | 'proxy' | 'source' | 'destination' | 'tls'> {
  const source = dictionary.flowSource(flow)
  const proxy = dictionary.flowText(flow, 'proxy')
  const tls = dictionary.flowTls(flow)
  return {
    direction: dictionary.flowDirection(flow),
    ...(proxy === '' ? {} : { proxy }),
    ...(source === 0 ? {} : { source: dictionary.endpointObject(source) }),
    destination: dictionary.endpointObject(dictionary.flowDestination(flow)),
    ...(tls === undefined ? {} : { tls }),
  }
}

function parseTraceId(text: string): Uint8Array {
  const bytes = new Uint8Array(TRACE_BYTES)
  for (let i = 0; i < TRACE_BYTES; i++) bytes[i] = Number.parseInt(text.slice(2 * i, 2 * i + 2), 16)
  return bytes
}
