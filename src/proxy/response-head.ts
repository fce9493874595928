import type { IncomingMessage, ServerResponse } from 'node:http'
import { hopByHop, isChunked } from './message-headers.ts'

/**
 * Writes the head of the upstream's response to the client, as the upstream wrote it but for what concerns the connection,
 * with `added`. Whatever the client's version of HTTP cannot take of its framing is left to Node.
 */
export function writeResponseHead(
  from: IncomingMessage,
  to: ServerResponse,
  added: readonly (readonly [name: string, value: string])[],
): void {
  const status = from.statusCode ?? 502
  const isOld = to.req.httpVersionMajor === 1 && to.req.httpVersionMinor === 0
  const canBeChunked = !isOld && status !== 204 && status !== 304
  const dropped = hopByHop(from.headers.connection)
  const head: string[] = []
  for (let i = 0; i < from.rawHeaders.length; i += 2) {
    const lower = from.rawHeaders[i]!.toLowerCase()
    if (dropped.has(lower)) continue
    if (lower === 'transfer-encoding' && !canBeChunked) continue
    if (lower === 'trailer' && !(canBeChunked && isChunked(from.headers['transfer-encoding']))) continue
    head.push(from.rawHeaders[i]!, from.rawHeaders[i + 1]!)
  }
  for (const [name, value] of added) head.push(name, value)
  // The upstream says when it answered, or does not.
  to.sendDate = false
  to.writeHead(status, from.statusMessage, head)
}
