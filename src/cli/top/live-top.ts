import type { TopAnswer } from '../../query/answer.ts'
import type { CliContext } from '../context.ts'
import type { GatewayClient, QueryParameters } from '../gateway-client.ts'
import { warnings } from '../printers/notes.ts'
import { painter } from '../printers/paint.ts'
import { aborted, sleep, untilStopped } from '../stop-signal.ts'
import { renderTop } from './render-top.ts'
import { Screen } from './screen.ts'
import { initialTopState, reduceTop, type TopInput, type TopState } from './top-state.ts'

/** Time between two questions. */
const PERIOD_MS = 1000

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
  const takeAnswer = ({ answer, serverTimeMs }: typeof first): void =>
    take({ kind: 'answer', answer, notes: warnings(answer, serverTimeMs ?? context.now()) })

  screen.open()
  try {
    takeAnswer(first)
    const polling = poll(signal, async () => {
      if (state.isPaused) return
      try {
        takeAnswer(await client.get<TopAnswer>('/api/v1/top', parameters, signal))
      } catch (error) {
        if (!signal.aborted)
          take({ kind: 'failure', message: error instanceof Error ? error.message : String(error) })
      }
    })
    await Promise.race([aborted(signal), polling])
  } finally {
    screen.close()
  }
}

async function poll(signal: AbortSignal, ask: () => Promise<void>): Promise<void> {
  while (!signal.aborted) {
    await sleep(PERIOD_MS, signal)
    if (!signal.aborted) await ask()
  }
}
