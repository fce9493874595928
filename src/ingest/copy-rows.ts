import { type EventColumns, TRACE_BYTES } from '../event/event-columns.ts'

/** Appends request `index` of `from` to `to`, which has the same dictionary. */
export function copyRequest(from: EventColumns, index: number, to: EventColumns): void {
  const copy = to.addRequest(
    from.flow[index]!,
    from.outcome[index]!,
    from.timeMs[index]!,
    from.latencyMicros[index]!,
    from.requestBytes[index]!,
    from.responseBytes[index]!,
  )
  if (from.hasTraces && hasTrace(from.traceIds, index)) to.setTrace(copy, from.traceIds, index * TRACE_BYTES)
  if (from.headers === 0) return
  for (let at = from.firstHeader(index); at < from.headers && from.headerEvent[at] === index; at++) {
    to.addHeader(
      copy,
      from.headerSide[at] === 1 ? 'response' : 'request',
      from.headerName[at]!,
      from.headerValue[at]!,
    )
  }
}

/** Appends connection event `index` of `from` to `to`, which has the same dictionary. */
export function copyConnection(from: EventColumns, index: number, to: EventColumns): void {
  to.addConnection(
    from.connectionFlow[index]!,
    from.connectionTimeMs[index]!,
    from.connectionOpen[index]!,
    from.connectionOpened[index]!,
    from.connectionClosed[index]!,
    from.connectionReadBytes[index]!,
    from.connectionWrittenBytes[index]!,
  )
}

function hasTrace(traceIds: Uint8Array, index: number): boolean {
  for (let i = index * TRACE_BYTES; i < (index + 1) * TRACE_BYTES; i++) if (traceIds[i] !== 0) return true
  return false
}
