import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import websocket, { type WebSocket } from '@fastify/websocket'
import type { FastifyInstance } from 'fastify'
import type { HttpStats } from '../http/http-stats.ts'
import { HttpProblem } from '../http/problem.ts'
import { sendRawProblem } from '../http/problem-answers.ts'
import { WEBSOCKET_PROTOCOL } from './admission.ts'
import type { GatewayLimits } from './limits.ts'
import { limitTalk } from './talk-limit.ts'
import { CLOSE_CODES, watchPeers } from './tap-websocket.ts'

/**
 * Limits of what a client may send, which has nothing to say: a message is answered with 1008 once it is whole, and until
 * then its parts are in memory, each with a hundred bytes of its own or the read that it came in.
 */
const MESSAGE_LIMITS = {
  maxPayload: 1024,
  /** Parts that a message may come in. */
  maxFragments: 16,
  /** Reads that a part may come in: a ping, of at most 125 bytes, byte by byte. */
  maxBufferedChunks: 160,
} as const

/** Websockets that were cut since the start, by what was first wrong with their clients. */
export interface WebsocketStats {
  /** They did not answer a ping. */
  silent: number
  /** They sent more than they have to say. */
  talkative: number
  /** They broke the protocol, or a limit of messages. */
  malformed: number
}

export interface WebsocketOptions {
  /** Of the routes that are websockets when asked for as such. */
  readonly paths: readonly string[]
  readonly limits: Pick<GatewayLimits, 'pingMs' | 'closeGraceMs'>
  readonly stats: WebsocketStats
  /** Where handshakes that fail are counted. */
  readonly httpStats: HttpStats
}

/** Lets routes be websockets, which are pinged, bounded in what they may say, and closed with the server. */
export async function addWebsockets(
  app: FastifyInstance,
  { paths, limits, stats, httpStats }: WebsocketOptions,
): Promise<void> {
  let cut: NodeJS.Timeout | undefined
  const counted = new WeakSet<WebSocket>()
  const count = (socket: WebSocket, what: keyof WebsocketStats): void => {
    if (!counted.has(socket)) stats[what]++
    counted.add(socket)
  }
  await app.register(websocket, {
    options: {
      ...MESSAGE_LIMITS,
      perMessageDeflate: false,
      // They are answered within limits. See `limitTalk`.
      autoPong: false,
      // Never the ticket itself, where a client offers both as it should.
      handleProtocols: (protocols) =>
        protocols.has(WEBSOCKET_PROTOCOL) ? WEBSOCKET_PROTOCOL : ([...protocols][0] ?? false),
    },
    // A client that breaks off, or breaks the protocol: its socket closes by itself and ends its tap.
    errorHandler: (error, socket) => {
      if (isOfProtocol(error)) count(socket, 'malformed')
      socket.terminate()
    },
    preClose: (done) => {
      const { clients } = app.websocketServer
      for (const client of clients) client.close(CLOSE_CODES.goingAway, 'the server is closing')
      cut = setTimeout(() => clients.forEach((client) => client.terminate()), limits.closeGraceMs)
      app.websocketServer.close()
      done()
    },
  })
  app.websocketServer.on('wsClientError', (error: Error, socket: Duplex) => {
    const headers = { 'sec-websocket-version': '13' }
    sendRawProblem(new HttpProblem(400, 'BAD_REQUEST', error.message, { headers }), socket, httpStats)
  })
  app.websocketServer.on('connection', (socket: WebSocket, request: IncomingMessage) => {
    // `injectWS` makes requests without a socket.
    const stream = request.socket as Socket | undefined
    if (stream === undefined) return
    limitTalk(socket, stream, {
      closeCode: CLOSE_CODES.policy,
      now: () => performance.now(),
      onExceeded: () => count(socket, 'talkative'),
    })
  })
  const stopWatching = watchPeers(app.websocketServer.clients, limits.pingMs, {
    onSilent: (socket) => count(socket, 'silent'),
  })
  app.addHook('onClose', async () => {
    stopWatching()
    clearTimeout(cut)
  })
  app.addHook('onRequest', async (request, reply) => {
    // Whatever the answer, the connection is no longer one of HTTP.
    if (request.ws) reply.header('connection', 'close')
    // Node before 24.9 offers every upgrade to the websocket server.
    if (request.ws && !request.is404 && !paths.includes(request.routeOptions.url ?? '')) {
      throw new HttpProblem(
        400,
        'NOT_A_WEBSOCKET',
        `${request.routeOptions.url} is no websocket; ${paths.join(', ')} are`,
      )
    }
  })
}

function isOfProtocol(error: unknown): boolean {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('WS_ERR_')
}
