import type { Header } from '../event/event.ts'
import { DESTINATION_HEADER, SOURCE_HEADER } from './peer-header.ts'

/** A header as it came, with all its lines. */
export interface ForwardedHeader {
  readonly name: string
  /** The name in lower case. */
  readonly lower: string
  readonly values: readonly string[]
}

/**
 * Headers that are about one connection, or between sidecars, and not passed on (RFC 9110, section 7.6.1). Framing is
 * the server's and the client's own, `te: trailers` and `trailer` go on because trailers do.
 */
const NOT_FORWARDED = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'upgrade',
  'http2-settings',
  'expect',
  SOURCE_HEADER,
  DESTINATION_HEADER,
])

/** The names of headers that go no further than this connection, in lower case. */
export function hopByHop(connection: string | undefined): ReadonlySet<string> {
  if (connection === undefined || /^(close|keep-alive|upgrade)?$/i.test(connection)) return NOT_FORWARDED
  const names = new Set(NOT_FORWARDED)
  for (const token of connection.toLowerCase().split(',')) {
    const name = token.trim()
    // What frames the message, and names its host, a sender cannot take away.
    if (name !== 'te' && name !== 'transfer-encoding' && name !== 'content-length' && name !== 'host') {
      names.add(name)
    }
  }
  return names
}

/** The headers of `raw` (name, value, name, value …) that are passed on, in order, their names as they were written. */
export function forwardedHeaders(
  raw: readonly string[],
  dropped: ReadonlySet<string>,
): Iterable<ForwardedHeader> {
  const headers = new Map<string, ForwardedHeader & { readonly values: string[] }>()
  for (let i = 0; i < raw.length; i += 2) {
    const lower = raw[i]!.toLowerCase()
    if (dropped.has(lower)) continue
    const known = headers.get(lower)
    if (known === undefined) headers.set(lower, { name: raw[i]!, lower, values: [raw[i + 1]!] })
    else known.values.push(raw[i + 1]!)
  }
  return headers.values()
}

/** Name and value pairs of `raw`, as trailers are given. */
export function pairs(raw: readonly string[]): [string, string][] {
  const list: [string, string][] = []
  for (let i = 0; i < raw.length; i += 2) list.push([raw[i]!, raw[i + 1]!])
  return list
}

/** The headers of `raw` whose names, in lower case, are wanted. */
export function capturedHeaders(raw: readonly string[], wanted: ReadonlySet<string>): Header[] {
  if (wanted.size === 0) return []
  return pairs(raw)
    .map(([name, value]) => ({ name: name.toLowerCase(), value }))
    .filter(({ name }) => wanted.has(name))
}

/** Whether the message's body is chunked, and so may end in trailers. */
export function isChunked(transferEncoding: string | undefined): boolean {
  return transferEncoding !== undefined && /(^|,)\s*chunked\s*$/i.test(transferEncoding)
}
