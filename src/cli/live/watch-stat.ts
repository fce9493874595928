import type { ReasonsAnswer, StatAnswer } from '../../query/answer.ts'
import { type CliContext, note } from '../context.ts'
import type { GatewayClient, QueryParameters } from '../gateway-client.ts'
import { fitted } from '../printers/display-width.ts'
import { emptyNote, narrowingNote, warnings } from '../printers/notes.ts'
import { Screen } from '../top/screen.ts'
import { aborted, sleep, untilStopped } from '../stop-signal.ts'
import { followLive } from './follow-live.ts'

export interface WatchStatOptions<A extends StatAnswer | ReasonsAnswer> {
  readonly client: GatewayClient
  /** Each is followed for itself; what is shown is of all. */
  readonly questions: readonly QueryParameters[]
  readonly text: (answers: readonly A[]) => string
}

/** Shows `stat` until it is told to stop: on a whole screen, or where there is none as one text after the other. */
export function watchStat<A extends StatAnswer | ReasonsAnswer>(
  context: CliContext,
  options: WatchStatOptions<A>,
): Promise<void> {
  return untilStopped((stop) => run(context, options, stop))
}

async function run<A extends StatAnswer | ReasonsAnswer>(
  context: CliContext,
  options: WatchStatOptions<A>,
  stop: AbortSignal,
): Promise<void> {
  const { client, questions, text } = options
  const quit = new AbortController()
  const signal = AbortSignal.any([stop, quit.signal])
  const answers: (A | undefined)[] = questions.map(() => undefined)
  let trouble = ''
  let said = ''
  let printed = ''
  const show = context.isInteractive ? showOn(context, quit) : undefined

  const draw = (): void => {
    const known = answers.filter((answer) => answer !== undefined)
    if (known.length < answers.length && trouble === '') return
    const notes = [
      ...(trouble === '' ? [] : [trouble]),
      ...known.flatMap((answer) => narrowingNote(answer) ?? []),
      ...known.flatMap((answer) => warnings(answer, context.now())),
    ]
    const rows = text(known)
    const lines =
      rows === ''
        ? emptyNote(
            'No traffic found.',
            known.map(({ empty }) => empty),
          )
        : []
    if (show !== undefined) {
      show.draw(`${rows}${lines.join('\n')}`, [...new Set(notes)])
      return
    }
    const says = [...new Set([...notes, ...lines])].join('\n')
    if (says !== said && says !== '') note(context, says)
    said = says
    if (rows !== printed && rows !== '') context.stdout.write(printed === '' ? rows : `\n${rows}`)
    printed = rows
  }

  try {
    const following = questions.map((parameters, i) =>
      followLive<A>({
        client,
        path: '/api/v1/stat',
        parameters,
        signal,
        onAnswer: (answer) => {
          answers[i] = answer
          trouble = ''
          draw()
        },
        onTrouble: (message) => {
          trouble = message
          draw()
        },
        sleep,
        random: Math.random,
      }),
    )
    await Promise.race([aborted(signal), Promise.all(following)])
  } finally {
    quit.abort()
    show?.close()
  }
}

interface Shown {
  draw(text: string, notes: readonly string[]): void
  close(): void
}

/** The whole screen, taken with the first answer: until then what is wrong is said where it was typed. */
function showOn({ stdin, stdout }: CliContext, quit: AbortController): Shown {
  let lines: readonly string[] = []
  const redraw = (): void => {
    const { width, height } = screen.size
    screen.draw(lines.slice(0, height).map((line) => fitted(line, width)))
  }
  const screen = new Screen({
    stdin,
    stdout,
    onKey: (key) => {
      if (key.kind === 'interrupt' || (key.kind === 'char' && key.char === 'q')) quit.abort()
      if (key.kind === 'suspend') screen.suspend()
      if (key.kind === 'redraw') {
        screen.redraw()
        redraw()
      }
    },
    onResize: redraw,
  })
  return {
    draw: (text, notes) => {
      lines = [...notes, ...text.trimEnd().split('\n')]
      screen.open()
      redraw()
    },
    close: screen.close,
  }
}
