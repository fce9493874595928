import { once } from 'node:events'
import type { FastifyReply } from 'fastify'
import type { FrameStream } from './frame-stream.ts'

/**
 * Sends a session's frames, one a line, as fast as the client takes them; the headers go at once. A client that takes
 * nothing for `stallMs` is cut off. See `sendTapFrames`.
 */
export async function sendTapLines(
  session: FrameStream,
  reply: FastifyReply,
  { stallMs }: { readonly stallMs: number },
): Promise<void> {
  const { raw } = reply
  reply.hijack()
  const gone = new AbortController()
  raw.once('close', () => {
    gone.abort()
    void session.close()
  })
  try {
    raw.writeHead(200, {
      ...(reply.getHeaders() as Record<string, string>),
      'content-type': 'application/x-ndjson; charset=utf-8',
      // Frames must not wait in a proxy's buffer, nor the connection for another request when the server closes.
      'x-accel-buffering': 'no',
      connection: 'close',
    })
    raw.flushHeaders()
    for (let frame = await session.next(); frame !== undefined; frame = await session.next()) {
      if (raw.write(`${frame}\n`)) continue
      const stalled = setTimeout(() => gone.abort(), stallMs)
      await once(raw, 'drain', { signal: gone.signal }).finally(() => clearTimeout(stalled))
    }
    raw.end()
  } catch {
    // Nobody is there any more, or nobody who reads.
    raw.destroy()
  } finally {
    await session.close()
  }
}
