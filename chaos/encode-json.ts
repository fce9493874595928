import type { Call } from './mesh.ts'
import type { EventMade } from './truth.ts'

const prefixes = new WeakMap<Call, string>()

/** Events as a JSON array, by docs/protocol.md. */
export function encodeJson(events: readonly EventMade[]): Buffer {
  return Buffer.from(`[${events.map(eventText).join(',\n')}]`)
}

function eventText(event: EventMade): string {
  const { call, timeMs } = event
  let prefix = prefixes.get(call)
  if (prefix === undefined) prefixes.set(call, (prefix = prefixOf(call)))
  if (event.kind === 'connection') {
    const { open, opened, closed, readBytes, writtenBytes } = event
    const rest = { kind: 'connection', time: timeMs, open, opened, closed, readBytes, writtenBytes }
    return `${prefix},${JSON.stringify(rest).slice(1)}`
  }
  const { path, outcome, latencyMicros, requestBytes, responseBytes } = event
  const { status, grpcStatus, reset, reason } = outcome
  const { method, authority } = call
  const route = call.path.isNamed ? call.path.route : undefined
  const rest = {
    time: timeMs,
    method,
    authority,
    path,
    route,
    status,
    grpcStatus,
    reset,
    reason,
    latencyMicros,
    requestBytes,
    responseBytes,
  }
  return `${prefix},${JSON.stringify(rest).slice(1)}`
}

/** What is the same in all events of a call, without the closing brace. */
function prefixOf({ direction, proxy, source, destination, tls }: Call): string {
  return JSON.stringify({ direction, proxy, source, destination, tls }).slice(0, -1)
}
