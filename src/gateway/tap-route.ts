import type { Socket } from 'node:net'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { HttpProblem } from '../http/problem.ts'
import { parseTapQuery } from '../tap/parse-tap-query.ts'
import type { Admission, StreamEnd } from './admission.ts'
import { type Audit, auditTap } from './audit.ts'
import { tapNarrowedTo, tapQueryFor } from './grant-questions.ts'
import type { GatewayLimits } from './limits.ts'
import { OpenTap } from './open-tap.ts'
import { TAP } from './tap-api.ts'
import type { StreamTally } from './stream-tally.ts'
import type { TapHub } from './tap-hub.ts'
import { LINES, sendTapLines } from './tap-lines.ts'
import { replayParameters } from './replay-parameters.ts'
import { sendTapFrames } from './tap-websocket.ts'
import { urlParameters } from './url-parameters.ts'

export const TAP_PATH = '/api/v1/tap'

export interface TapRouteOptions {
  readonly taps: TapHub
  readonly admission: Admission
  readonly limits: Pick<GatewayLimits, 'stallMs'>
  readonly audit: Audit
  readonly streams: StreamTally
  /** Epoch milliseconds. */
  readonly now: () => number
}

/**
 * Adds `GET /api/v1/tap`: a websocket when asked for as one, else lines of JSON. A query that is bad or not granted, or a
 * tap that cannot be opened, is answered with a problem before anything is upgraded.
 */
export function addTapRoute(app: FastifyInstance, options: TapRouteOptions): void {
  const { streams } = options
  const opened = new WeakMap<FastifyRequest, OpenTap>()
  /** Taps of this server: it ends them when it closes, and its clients with them. */
  const open = new Set<OpenTap>()

  const serve = async (request: FastifyRequest, send: (tap: OpenTap) => Promise<void>): Promise<void> => {
    const tap = opened.get(request)
    if (tap === undefined) throw new Error('BUG: a tap is served that was not opened')
    try {
      await send(tap)
    } finally {
      await tap.end('client')
    }
  }

  app.route({
    method: 'GET',
    url: TAP_PATH,
    config: { operation: TAP, isStream: true, access: 'granted' },
    preHandler: async (request, reply) => {
      if (request.method === 'HEAD') {
        questionOf(request, options)
        return reply.header('content-type', LINES).send()
      }
      opened.set(request, await openTap(request, reply, options, open))
    },
    handler: (request, reply) =>
      serve(request, ({ session }) =>
        streams.during('tap', 'ndjson', sendTapLines(session, reply, options.limits)),
      ),
    wsHandler: (socket, request) =>
      serve(request, (tap) => {
        tap.onStop(({ closeCode, reason }) => socket.close(closeCode, reason))
        // `injectWS` makes requests without a socket.
        return streams.during('tap', 'websocket', sendTapFrames(tap.session, socket, request.raw.socket))
      }),
  })

  app.addHook('preClose', async () => {
    await Promise.all([...open].map((tap) => tap.end('server')))
  })
}

/** What a request asks for, and what of that it may see. Throws where that is nothing. */
function questionOf(request: FastifyRequest, { admission, now }: Pick<TapRouteOptions, 'admission' | 'now'>) {
  const access = admission.accessOf(request)
  const { replay, others } = replayParameters(urlParameters(request), now())
  const asked = parseTapQuery(others)
  return { access, replay, asked, query: tapQueryFor(access, asked) }
}

/** Opens a tap for a request, and puts it into `open` until it ends. */
async function openTap(
  request: FastifyRequest,
  reply: FastifyReply,
  { taps, admission, audit, now }: TapRouteOptions,
  open: Set<OpenTap>,
): Promise<OpenTap> {
  const { access, replay, asked, query } = questionOf(request, { admission, now })
  let tap: OpenTap | undefined
  let stopped: StreamEnd | undefined
  const stopWatching = admission.watch(
    request,
    (access) => tapQueryFor(access, asked),
    (end) => {
      stopped = end
      tap?.stop(end)
    },
  )
  const client = {
    narrowedTo: tapNarrowedTo(access, asked),
    ...(replay === undefined ? {} : { replay }),
  }
  const session = await taps.open(query, client).catch((error: unknown) => {
    stopWatching()
    throw error
  })
  const tellEnd = auditTap(audit, access, request.ip, query, now)
  tap = new OpenTap(session, (why) => {
    stopWatching()
    open.delete(tap!)
    tellEnd(why, session.counts)
  })
  open.add(tap)
  // `injectWS` makes requests without a socket.
  const socket: Socket | undefined = request.raw.socket
  // A tap that nobody waits for any more, because it took too long to open or its client is gone.
  if (reply.sent || socket?.destroyed || stopped !== undefined) {
    await tap.end(stopped?.code ?? 'client')
    throw new HttpProblem(503, 'TIMEOUT', 'the tap took too long to open')
  }
  // Also where the handshake fails after this, and neither handler is ever called.
  socket?.once('close', () => void tap.end('client'))
  return tap
}
