import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'

/** No client that is in use sends a second request before the first is answered; the standard lets them. */
const MOST_UNANSWERED = 32

/**
 * Cuts connections with more requests under way than that: they come as fast as 64 KiB at a time are read, and what is
 * answered to a client that reads nothing stays in memory.
 */
export function limitPipelining(app: FastifyInstance, onCut: () => void): void {
  const unanswered = new WeakMap<Socket, number>()
  app.addHook('onRequest', async (request, reply) => {
    // Injected websockets have none.
    const socket = request.raw.socket as Socket | undefined
    if (socket === undefined) return
    // What was read with the request that it was cut for still comes.
    if (socket.destroyed) return reply.hijack()
    const count = (unanswered.get(socket) ?? 0) + 1
    if (count > MOST_UNANSWERED) {
      onCut()
      socket.destroy()
      return reply.hijack()
    }
    unanswered.set(socket, count)
    reply.raw.once('close', () => unanswered.set(socket, unanswered.get(socket)! - 1))
  })
}
