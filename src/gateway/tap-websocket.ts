import type { WebSocket } from '@fastify/websocket'
import type { FrameStream } from './frame-stream.ts'

/** Codes of RFC 6455 that a tap's websocket is closed with. */
export const CLOSE_CODES = { goingAway: 1001, policy: 1008 } as const

/**
 * Sends a session's frames, one text frame each, as fast as the client takes them: the next is pulled when the last has
 * left this process, so what a slow client does not take stays in the session's bounded queue.
 *
 * Resolves when the session or the socket has ended, with both closed.
 */
export async function sendTapFrames(session: FrameStream, socket: WebSocket): Promise<void> {
  socket.once('close', () => void session.close())
  socket.on('message', () => socket.close(CLOSE_CODES.policy, 'a tap takes no messages'))
  try {
    for (let frame = await session.next(); frame !== undefined; frame = await session.next()) {
      await sent(socket, frame)
    }
    socket.close(CLOSE_CODES.goingAway, 'the tap ended')
  } catch {
    // Nobody is there any more.
    socket.terminate()
  } finally {
    await session.close()
  }
}

function sent(socket: WebSocket, frame: string): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.send(frame, (error) => (error ? reject(error) : resolve()))
  })
}

/** Pings `sockets` every `intervalMs` and cuts those that did not answer the last ping. Call what it returns to stop. */
export function watchPeers(sockets: ReadonlySet<WebSocket>, intervalMs: number): () => void {
  const silent = new WeakSet<WebSocket>()
  const timer = setInterval(() => {
    for (const socket of sockets) {
      if (silent.has(socket)) {
        socket.terminate()
        continue
      }
      silent.add(socket)
      socket.once('pong', () => silent.delete(socket))
      socket.ping()
    }
  }, intervalMs).unref()
  return () => clearInterval(timer)
}
