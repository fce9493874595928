import type { TopAnswer } from '../../query/answer.ts'
import type { CliContext } from '../context.ts'
import type { GatewayClient, QueryParameters } from '../gateway-client.ts'
import { followLive } from '../live/follow-live.ts'
import { warnings } from '../printers/notes.ts'
import { painter } from '../printers/paint.ts'
import { aborted, sleep, untilStopped } from '../stop-signal.ts'
import { renderTop } from './render-top.ts'
import { Screen } from './screen.ts'
import { initialTopState, reduceTop, type TopInput, type TopState } from './top-state.ts'

export interface LiveTopOptions {
  readonly client: GatewayClient
  readonly parameters: QueryParameters
  readonly state: Pick<TopState, 'title' | 'namespace' | 'by' | 'hideSources'>
}

/** Shows `top` on the whole screen until it is told to stop. Throws what the first question failed with. */
export function liveTop(context: CliContext, options: LiveTopOptions): Promise<void> {
  return untilStopped((stop) => run(context, options, stop))
}

async function run(context: CliContext, options: LiveTopOptions, stop: AbortSignal): Promise<void> {
  const { client, parameters } = options
  const paint = painter(context.colors)
  const quit = new AbortController()
  const signal = AbortSignal.any([stop, quit.signal])
  // Before the screen is taken: what is typed wrong is said where it was typed.
  const first = await client.get<TopAnswer>('/api/v1/top', parameters, signal)

  const screen = new Screen({
    stdin: context.stdin,
    stdout: context.stdout,
    onKey: (key) => {
      if (key.kind === 'suspend') screen.suspend()
      if (key.kind === 'redraw') screen.redraw()
      take({ kind: 'key', key })
    },
    onResize: (width, height) => take({ kind: 'resize', width, height }),
  })
  let state = initialTopState({ ...options.state, ...screen.size })
  const take = (input: TopInput): void => {
    state = reduceTop(state, input)
    if (state.isDone) quit.abort()
    else screen.draw(renderTop(state, paint))
  }
  // Messages do not say the gateway's time: what its clock is ahead of this one was told by the first answer.
  const aheadMs = first.serverTimeMs === undefined ? 0 : first.serverTimeMs - context.now()
  const takeAnswer = (answer: TopAnswer, serverTimeMs: number | undefined): void =>
    take({ kind: 'answer', answer, notes: warnings(answer, serverTimeMs ?? context.now() + aheadMs) })

  screen.open()
  try {
    takeAnswer(first.answer, first.serverTimeMs)
    const following = followLive<TopAnswer>({
      client,
      path: '/api/v1/top',
      parameters,
      signal,
      onAnswer: (answer) => takeAnswer(answer, undefined),
      onTrouble: (message) => take({ kind: 'failure', message }),
      sleep,
      random: Math.random,
    })
    await Promise.race([aborted(signal), following])
  } finally {
    screen.close()
  }
}
