import type { Header, MeshEvent } from './event.ts'

/** The last millisecond of the year 9999, after which RFC 3339 has no times. */
const LAST_RFC3339_MS = 253_402_300_799_999

/**
 * An event in the form that `decodeJson` reads, for `JSON.stringify`: what tap prints and push sends. Reading it back
 * gives the same event, its headers grouped by name.
 */
export function eventToJson(event: MeshEvent): Record<string, unknown> {
  const time = event.timeMs <= LAST_RFC3339_MS ? new Date(event.timeMs).toISOString() : event.timeMs
  if (event.kind === 'connection') {
    const { kind, timeMs: _, ...fields } = event
    return { time, kind, ...fields }
  }
  const { kind: _, timeMs: __, requestHeaders, responseHeaders, ...fields } = event
  return {
    time,
    ...fields,
    ...(requestHeaders === undefined ? {} : { requestHeaders: headersToJson(requestHeaders) }),
    ...(responseHeaders === undefined ? {} : { responseHeaders: headersToJson(responseHeaders) }),
  }
}

function headersToJson(headers: readonly Header[]): Record<string, string | readonly string[]> {
  const valuesOf = new Map<string, string[]>()
  for (const { name, value } of headers) {
    const values = valuesOf.get(name)
    if (values === undefined) valuesOf.set(name, [value])
    else values.push(value)
  }
  return Object.fromEntries(
    [...valuesOf].map(([name, values]) => [name, values.length === 1 ? values[0]! : values]),
  )
}
