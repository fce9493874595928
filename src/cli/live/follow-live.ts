import { type AnswerAlive, LiveAnswer, type LiveMessage } from '../../query/live-answer.ts'
import { CliError } from '../cli-error.ts'
import type { GatewayClient, QueryParameters } from '../gateway-client.ts'
import { printable } from '../printers/printable.ts'
import { CLOSE_CODES, runSession, type StreamSessionOptions, type TapSessionEnd } from '../tap/tap-session.ts'
import { hasOtherToken } from './other-token.ts'

const BACKOFF_MS = 500
const MAX_BACKOFF_MS = 5_000

export interface FollowLiveOptions<A extends AnswerAlive> {
  readonly client: GatewayClient
  readonly path: string
  readonly parameters: QueryParameters
  readonly signal: AbortSignal
  readonly onAnswer: (answer: A) => void
  /** The answer is not newer, and why. */
  readonly onTrouble: (message: string) => void
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>
  /** Uniform in [0, 1). */
  readonly random: () => number
  readonly timeouts?: Pick<StreamSessionOptions<unknown>, 'openMs' | 'silenceMs'>
}

/**
 * Follows a live answer until it is stopped, connecting again, later and later, when a connection breaks or a message is
 * missing. Where there is no websocket to be had, the question is asked once for every try instead. Throws what the
 * question is refused with before anything was answered, and later where its token is not taken any more, or grants it
 * no more.
 */
export async function followLive<A extends AnswerAlive>(options: FollowLiveOptions<A>): Promise<void> {
  const { client, path, parameters, signal, onAnswer, onTrouble, sleep, random, timeouts } = options
  let isAnswered = false
  for (let attempt = 0; !signal.aborted; attempt++) {
    const state = new LiveAnswer<A>()
    const gap = new AbortController()
    const request = await client.stream(path, parameters)
    const end = await runSession<LiveMessage<A>>({
      request,
      signal: AbortSignal.any([signal, gap.signal]),
      ...timeouts,
      read: messageOf,
      onOpen: () => {},
      onFrame: (message) => {
        if (!state.take(message)) {
          gap.abort()
          return
        }
        attempt = 0
        isAnswered = true
        if (state.problem === undefined && state.answer !== undefined) onAnswer(state.answer)
        else onTrouble(state.problem ?? '')
      },
    })
    if (signal.aborted) return
    if (end.kind === 'closed' && end.code === CLOSE_CODES.policyViolation) {
      throw new CliError('GATEWAY_REFUSED', `${client.url} closed the stream: ${printable(end.reason)}`)
    }
    let refused =
      end.kind === 'closed' && end.code === CLOSE_CODES.tokenRefused
        ? client.tokenRefused(end.reason)
        : undefined
    if (end.kind === 'unopened') {
      try {
        onAnswer((await client.get<A>(path, parameters, signal)).answer)
        isAnswered = true
      } catch (error) {
        if (signal.aborted) return
        if (!isAnswered || !(error instanceof CliError) || error.code === 'GRANT_MISSING') throw error
        if (error.code === 'TOKEN_REFUSED') refused = error
        else onTrouble(error.message)
      }
    } else if (refused === undefined) {
      onTrouble(`lost the connection to ${client.url} (${printable(whyOf(end))}); connecting again`)
    }
    if (refused !== undefined) {
      if (await hasOtherToken(client, request, signal, sleep)) continue
      if (signal.aborted) return
      throw refused
    }
    await sleep(Math.min(BACKOFF_MS * 2 ** attempt, MAX_BACKOFF_MS) * (0.5 + random() / 2), signal)
  }
}

function whyOf(end: TapSessionEnd): string {
  switch (end.kind) {
    case 'closed':
      return end.reason === '' ? `code ${end.code}` : end.reason
    case 'silent':
      return 'it fell silent'
    case 'stopped':
      return 'a message is missing'
    case 'unopened':
      return end.why
    case 'not-a-tap':
      return 'it sends something else'
  }
}

function messageOf<A extends AnswerAlive>(text: string): LiveMessage<A> | undefined {
  try {
    const message = JSON.parse(text) as Partial<LiveMessage<A>> | null
    return message !== null && typeof message.sequence === 'number' && typeof message.kind === 'string'
      ? (message as LiveMessage<A>)
      : undefined
  } catch {
    return undefined
  }
}
