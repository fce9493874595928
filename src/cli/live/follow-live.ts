import type { StatAnswer, TopAnswer } from '../../query/answer.ts'
import { LiveAnswer, type LiveMessage } from '../../query/live-answer.ts'
import { CliError } from '../cli-error.ts'
import type { GatewayClient, QueryParameters } from '../gateway-client.ts'
import { runSession, type StreamSessionOptions, type TapSessionEnd } from '../tap/tap-session.ts'

const BACKOFF_MS = 500
const MAX_BACKOFF_MS = 5_000

/** RFC 6455; connecting again changes nothing. */
const POLICY_VIOLATION = 1008

export interface FollowLiveOptions<A extends StatAnswer | TopAnswer> {
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
 * question is refused with before anything was answered.
 */
export async function followLive<A extends StatAnswer | TopAnswer>(
  options: FollowLiveOptions<A>,
): Promise<void> {
  const { client, path, parameters, signal, onAnswer, onTrouble, sleep, random, timeouts } = options
  const url = client.urlOf(path, parameters).replace(/^http/, 'ws')
  let isAnswered = false
  for (let attempt = 0; !signal.aborted; attempt++) {
    const state = new LiveAnswer<A>()
    const gap = new AbortController()
    const end = await runSession<LiveMessage<A>>({
      url,
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
    if (end.kind === 'closed' && end.code === POLICY_VIOLATION) {
      throw new CliError('GATEWAY_REFUSED', `${client.url} closed the stream: ${end.reason}`)
    }
    if (end.kind === 'unopened') {
      try {
        onAnswer((await client.get<A>(path, parameters, signal)).answer)
        isAnswered = true
      } catch (error) {
        if (signal.aborted) return
        if (!isAnswered) throw error
        onTrouble(error instanceof Error ? error.message : String(error))
      }
    } else onTrouble(`lost the connection to ${client.url} (${whyOf(end)}); connecting again`)
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

function messageOf<A extends StatAnswer | TopAnswer>(text: string): LiveMessage<A> | undefined {
  try {
    const message = JSON.parse(text) as Partial<LiveMessage<A>> | null
    return message !== null && typeof message.sequence === 'number' && typeof message.kind === 'string'
      ? (message as LiveMessage<A>)
      : undefined
  } catch {
    return undefined
  }
}
