import type { Socket } from 'node:net'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { HttpProblem } from '../http/problem.ts'
import { parseTapQuery } from '../tap/parse-tap-query.ts'
import type { GatewayLimits } from './limits.ts'
import { TAP } from './tap-api.ts'
import type { TapHub } from './tap-hub.ts'
import { sendTapLines } from './tap-lines.ts'
import type { TapSession } from './tap-session.ts'
import { sendTapFrames } from './tap-websocket.ts'
import { urlParameters } from './url-parameters.ts'

export const TAP_PATH = '/api/v1/tap'

/**
 * Adds `GET /api/v1/tap`: a websocket when asked for as one, else lines of JSON. A query that is bad, or a tap that
 * cannot be opened, is answered with a problem before anything is upgraded.
 */
export function addTapRoute(
  app: FastifyInstance,
  taps: TapHub,
  limits: Pick<GatewayLimits, 'stallMs'>,
): void {
  const opened = new WeakMap<FastifyRequest, TapSession>()
  /** Sessions of this server: it ends them when it closes, and its clients with them. */
  const open = new Set<TapSession>()

  const serve = async (
    request: FastifyRequest,
    send: (session: TapSession) => Promise<void>,
  ): Promise<void> => {
    const session = opened.get(request)
    if (session === undefined) throw new Error('BUG: a tap is served that was not opened')
    open.add(session)
    try {
      await send(session)
    } finally {
      open.delete(session)
    }
  }

  app.route({
    method: 'GET',
    url: TAP_PATH,
    exposeHeadRoute: false,
    config: { operation: TAP, isStream: true },
    preHandler: async (request, reply) => {
      const session = await taps.open(parseTapQuery(urlParameters(request)))
      // `injectWS` makes requests without a socket.
      const socket: Socket | undefined = request.raw.socket
      // A tap that nobody waits for any more, because it took too long to open or its client is gone.
      if (reply.sent || socket?.destroyed) {
        await session.close()
        throw new HttpProblem(503, 'TIMEOUT', 'the tap took too long to open')
      }
      // Also where the handshake fails after this, and neither handler is ever called.
      socket?.once('close', () => void session.close())
      opened.set(request, session)
    },
    handler: (request, reply) => serve(request, (session) => sendTapLines(session, reply, limits)),
    wsHandler: (socket, request) => serve(request, (session) => sendTapFrames(session, socket)),
  })

  app.addHook('preClose', async () => {
    await Promise.all([...open].map((session) => session.close()))
  })
}
