import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import type { FastifyReply } from 'fastify'
import { type FrameStream, nextFrames } from './frame-stream.ts'
import type { TapFrameParts } from './tap-frame.ts'

/** Content type of a stream of JSON, one a line. */
export const LINES = 'application/x-ndjson; charset=utf-8'

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
      'content-type': LINES,
      // Frames must not wait in a proxy's buffer, nor the connection for another request when the server closes.
      'x-accel-buffering': 'no',
      connection: 'close',
    })
    raw.flushHeaders()
    // Who takes nothing for a while is cut here, later than one who asked for an answer.
    raw.socket?.setTimeout(0)
    for (let batch = await nextFrames(session); batch !== undefined; batch = await nextFrames(session)) {
      if (writeLines(raw, batch)) continue
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

/** Without a copy of what clients share; answers whether more may be written at once. */
function writeLines(raw: ServerResponse, frames: readonly TapFrameParts[]): boolean {
  let mayGoOn = true
  // Node sends what is written at once together. A response that is corked itself may never say that it has drained.
  for (const { head, rest } of frames) {
    raw.write(head)
    mayGoOn = raw.write(`${rest}\n`)
  }
  return mayGoOn
}
