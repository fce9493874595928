import type { Socket } from 'node:net'
import type { FastifyInstance, FastifyRequest, RouteHandlerMethod } from 'fastify'
import type { Access, Visible } from '../access/access.ts'
import type { Operation } from '../http/openapi.ts'
import { HttpProblem } from '../http/problem.ts'
import type { AnswerAlive } from '../query/live-answer.ts'
import type { QueryEngine } from '../query/query-engine.ts'
import type { Admission, StreamEnd } from './admission.ts'
import type { FrameStream } from './frame-stream.ts'
import { visibleTo } from './grant-questions.ts'
import type { GatewayLimits } from './limits.ts'
import type { LiveQuestions } from './live-questions.ts'
import type { StreamTally } from './stream-tally.ts'
import { LINES, sendTapLines } from './tap-lines.ts'
import { sendTapFrames } from './tap-websocket.ts'
import { urlParameters } from './url-parameters.ts'

/** A question that was read: what it is about, and how an engine answers it. */
export interface Question<A extends object> {
  readonly asked: Parameters<typeof visibleTo>[1]
  readonly answer: (engine: QueryEngine) => Promise<A>
}

export interface LiveRouteOptions {
  readonly questions: LiveQuestions
  readonly admission: Pick<Admission, 'accessOf' | 'watch'>
  readonly limits: Pick<GatewayLimits, 'stallMs'>
  readonly streams: StreamTally
}

interface Options<A extends AnswerAlive> extends LiveRouteOptions {
  readonly path: string
  readonly operation: Operation
  readonly read: (parameters: Readonly<Record<string, string>>) => Question<A>
  readonly answered: (answer: Question<A>['answer'], visible: Visible) => Promise<A>
  /** Answers a request that is not for a stream. */
  readonly once: RouteHandlerMethod
}

interface Stream {
  readonly frames: FrameStream
  /** Told where the viewer may not look on. */
  onStop: (end: StreamEnd) => void
}

/**
 * Adds a route that answers once; or, asked for as a websocket or as lines of JSON (`Accept: application/x-ndjson`, or
 * `stream=true`), again and again. What is wrong with a question is answered with a problem before anything is upgraded.
 */
export function addLiveRoute<A extends AnswerAlive>(app: FastifyInstance, options: Options<A>): void {
  const { path, operation, once, limits, streams } = options
  const opened = new WeakMap<FastifyRequest, Stream>()
  app.route({
    method: 'GET',
    url: path,
    config: { operation, access: 'granted' },
    preHandler: async (request, reply) => {
      if (!isForStream(request)) return
      if (request.method === 'HEAD') {
        questionOf(request, options)
        return reply.header('content-type', LINES).send()
      }
      const stream = await openStream(request, options)
      // `injectWS` makes requests without a socket.
      const socket: Socket | undefined = request.raw.socket
      if (reply.sent || socket?.destroyed) {
        await stream.frames.close()
        throw new HttpProblem(503, 'TIMEOUT', 'the answer took too long')
      }
      // Also where the handshake fails after this, and no handler is ever called.
      socket?.once('close', () => void stream.frames.close())
      opened.set(request, stream)
    },
    handler(request, reply) {
      const stream = opened.get(request)
      if (stream === undefined) return once.call(this, request, reply)
      // Not waited for: the time that an answer may take does not apply to a stream.
      void streams.during('live', 'ndjson', sendTapLines(stream.frames, reply, limits))
      return reply
    },
    wsHandler: (socket, request) => {
      const stream = opened.get(request)
      if (stream === undefined) throw new Error('BUG: an answer is streamed that was not opened')
      stream.onStop = ({ closeCode, reason }) => socket.close(closeCode, reason)
      return streams.during('live', 'websocket', sendTapFrames(stream.frames, socket))
    },
  })
}

function isForStream(request: FastifyRequest): boolean {
  if (request.ws) return true
  const { stream } = urlParameters(request)
  return stream === 'true' || (request.headers.accept ?? '').includes('application/x-ndjson')
}

/** What a request asks, and what it may be answered from. Throws where it may not. */
function questionOf<A extends AnswerAlive>(
  request: FastifyRequest,
  { read, admission }: Options<A>,
): {
  readonly question: Question<A>
  readonly see: (access: Access) => Visible
  readonly visible: Visible
} {
  const { stream: _stream, ...parameters } = urlParameters(request)
  const question = read(parameters)
  const see = (access: Access): Visible => visibleTo(access, question.asked)
  return { question, see, visible: see(admission.accessOf(request)) }
}

async function openStream<A extends AnswerAlive>(
  request: FastifyRequest,
  options: Options<A>,
): Promise<Stream> {
  const { path, answered, questions, admission } = options
  const { question, see, visible } = questionOf(request, options)
  const view = visible.kind === 'everything' ? '' : visible.id
  let stream: Stream | undefined
  let stopped: StreamEnd | undefined
  const stopWatching = admission.watch(request, see, (end) => {
    stopped = end
    stream?.onStop(end)
    void stream?.frames.close()
  })
  try {
    const frames = await questions.open(JSON.stringify([path, question.asked, view]), () =>
      answered(question.answer, visible),
    )
    // While it was answered for the first time. Nobody watches over it any more.
    if (stopped !== undefined) {
      await frames.close()
      throw new HttpProblem(503, 'TIMEOUT', 'what you may see changed before the first answer was there', {
        retryAfterSeconds: 1,
      })
    }
    stream = {
      frames: {
        next: () => frames.next(),
        close: async () => {
          stopWatching()
          await frames.close()
        },
      },
      onStop: () => {},
    }
    return stream
  } catch (error) {
    stopWatching()
    throw error
  }
}
