import type { Duplex } from 'node:stream'
import type { WebSocket } from '@fastify/websocket'
import * as timers from '../tap/timers.ts'
import { type FrameStream, nextFrames } from './frame-stream.ts'
import { writeTextFrames } from './raw-frames.ts'
import type { TapFrameParts } from './tap-frame.ts'

/** Codes of RFC 6455 that a tap's websocket is closed with. */
export const CLOSE_CODES = { goingAway: 1001, policy: 1008 } as const

/**
 * Sends a session's frames, one text message each, as fast as the client takes them: the next are pulled when the last have
 * left this process, so what a slow client does not take stays in the session's bounded queue.
 *
 * `stream` is what the websocket runs over; without it frames are copied.
 *
 * Resolves when the session or the socket has ended, with both closed.
 */
export async function sendTapFrames(session: FrameStream, socket: WebSocket, stream?: Duplex): Promise<void> {
  socket.once('close', () => void session.close())
  socket.on('message', () => socket.close(CLOSE_CODES.policy, 'a tap takes no messages'))
  try {
    for (let batch = await nextFrames(session); batch !== undefined; batch = await nextFrames(session)) {
      if (socket.readyState !== socket.OPEN) break
      await (stream === undefined ? sendCopies(socket, batch) : writeTextFrames(stream, batch))
    }
    socket.close(CLOSE_CODES.goingAway, 'the tap ended')
  } catch {
    // Nobody is there any more.
    socket.terminate()
  } finally {
    await session.close()
  }
}

async function sendCopies(socket: WebSocket, frames: readonly TapFrameParts[]): Promise<void> {
  for (const { head, rest } of frames) {
    await new Promise<void>((resolve, reject) => {
      socket.send(`${head.toString()}${rest}`, (error) => (error ? reject(error) : resolve()))
    })
  }
}

export interface WatchOptions<P> {
  readonly every?: timers.Every
  readonly onSilent?: (socket: P) => void
}

interface Peer {
  ping(): void
  terminate(): void
  once(event: 'pong', listener: () => void): unknown
}

/**
 * Pings `sockets` every `intervalMs` and cuts those that did not answer the last ping, each told of. Call what it returns
 * to stop.
 */
export function watchPeers<P extends Peer>(
  sockets: Iterable<P>,
  intervalMs: number,
  { every = timers.every, onSilent = () => {} }: WatchOptions<P> = {},
): () => void {
  const silent = new WeakSet<Peer>()
  return every(intervalMs, () => {
    for (const socket of sockets) {
      if (silent.has(socket)) {
        onSilent(socket)
        socket.terminate()
        continue
      }
      silent.add(socket)
      socket.once('pong', () => silent.delete(socket))
      socket.ping()
    }
  })
}
