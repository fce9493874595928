import { EventEmitter } from 'node:events'
import { PassThrough } from 'node:stream'
import t, { type Test } from 'tap'
import type { WebSocket } from 'ws'
import type { CliContext } from '../../../src/cli/context.ts'
import { runCli } from '../../../src/cli/run.ts'
import { Screen } from '../../../src/cli/top/screen.ts'
import { topRowKey } from '../../../src/query/live-answer.ts'
import { BASE, topRow } from '../answers.ts'
import { refusingServer, tapServer } from '../tap/tap-server.ts'

const ENTER = '\u001b[?1049h'
const LEAVE = '\u001b[?1049l'

/** A terminal that keeps what is written to it. */
class Terminal {
  readonly stdin = Object.assign(new PassThrough(), {
    isTTY: true,
    setRawMode: (mode: boolean) => this.modes.push(mode),
  })
  readonly stdout = Object.assign(new PassThrough(), { isTTY: true, columns: 100, rows: 12 })
  readonly stderr = new PassThrough()
  readonly modes: boolean[] = []
  readonly #changed = new EventEmitter()
  text = ''

  constructor() {
    this.stdout.setEncoding('utf8').on('data', (part: string) => {
      this.text += part
      this.#changed.emit('change')
    })
  }

  get context(): CliContext {
    const { stdin, stdout, stderr } = this
    return {
      stdin,
      stdout,
      stderr,
      colors: false,
      isInteractive: true,
      showsProgress: false,
      version: '1.2.3',
      now: Date.now,
    }
  }

  /** Waits until something matches in what was written since the last wait, and returns it. */
  async until(pattern: RegExp): Promise<string> {
    while (!pattern.test(this.text)) await new Promise((resolve) => this.#changed.once('change', resolve))
    const { text } = this
    this.text = ''
    return text
  }
}

const topAnswer = (path: string, count = 100) => ({
  ...BASE,
  rows: [topRow('vote-bot', path, count)],
  by: 'path',
  total: 100,
})

/** A gateway whose first answer is `/answer/1`; what its streams say is up to the test. */
async function gateway(
  t: Test,
  onStream: (socket: WebSocket, count: number) => void,
  first: object = topAnswer('/answer/1'),
) {
  const server = await tapServer(onStream, (_, response) => {
    response.setHeader('date', 'Tue, 24 Nov 2026 10:01:05 GMT')
    response.end(JSON.stringify(first))
  })
  t.teardown(() => server[Symbol.asyncDispose]())
  return server
}

const whole = (sequence: number, path: string) =>
  JSON.stringify({ sequence, kind: 'whole', answer: topAnswer(path) })

t.test('a live top is drawn anew with every answer, and leaves the terminal as it was', async (t) => {
  const { promise: stream, resolve } = Promise.withResolvers<WebSocket>()
  const server = await gateway(t, resolve)
  const terminal = new Terminal()
  const running = runCli(['top', 'deploy/web', '-n', 'emojivoto', '--gateway', server.url], terminal.context)
  const first = await terminal.until(/\/answer\/1/)
  t.ok(first.startsWith(ENTER))
  t.match(first, /meshtap top deploy\/web in emojivoto {3}last 1m/)
  const socket = await stream
  socket.send(whole(7, '/answer/2'))
  const second = await terminal.until(/\/answer\/2/)
  t.notOk(second.includes('\u001b[2J'), 'without clearing: nothing flickers')
  terminal.stdin.write('h')
  await terminal.until(/\nDestination {3}Method/)
  terminal.stdin.write('/nope')
  await terminal.until(/no row has “nope”/)
  terminal.stdin.write('\u001b')
  terminal.stdout.rows = 6
  terminal.stdout.emit('resize')
  await terminal.until(/\/answer\//)
  const { rows, ...rest } = topAnswer('/answer/3')
  const { rows: gone } = topAnswer('/answer/2')
  socket.send(
    JSON.stringify({
      sequence: 8,
      kind: 'change',
      answer: rest,
      changed: rows,
      removed: [topRowKey(gone[0]!)],
    }),
  )
  const third = await terminal.until(/\/answer\/3/)
  t.notMatch(third, /answer\/2/)
  t.strictSame(terminal.modes, [true])
  terminal.stdin.write('q')
  t.equal(await running, 0)
  t.ok((await terminal.until(/1049l/)).endsWith('\u001b[?7h\u001b[?25h\u001b[?1049l'))
  t.strictSame(terminal.modes, [true, false])
  t.strictSame(
    ['exit', 'uncaughtExceptionMonitor', 'SIGINT', 'SIGTERM'].map((name) => process.listenerCount(name)),
    baseline,
    'nothing is left behind',
  )
})

const baseline = ['exit', 'uncaughtExceptionMonitor', 'SIGINT', 'SIGTERM'].map((name) =>
  process.listenerCount(name),
)

t.test('a stream that breaks is said to, and begun again', async (t) => {
  const server = await gateway(t, (socket, count) => {
    socket.send(whole(5, `/answer/${count + 1}`), () => {
      if (count === 1) socket.close(1001, 'the server is closing')
    })
  })
  const terminal = new Terminal()
  const running = runCli(['top', 'deploy/web', '--gateway', server.url], terminal.context)
  await terminal.until(/lost the connection to/)
  await terminal.until(/\/answer\/3/)
  terminal.stdin.write('\u0003')
  t.equal(await running, 0)
})

t.test('what is typed wrong is said before the screen is taken', async (t) => {
  const problem = {
    code: 'BAD_PARAMETER',
    detail: 'resource: "pod" is not possible here',
    parameter: 'resource',
  }
  const server = await refusingServer(400, problem)
  t.teardown(() => server[Symbol.asyncDispose]())
  const terminal = new Terminal()
  t.equal(await runCli(['top', 'po', '--gateway', server.url], terminal.context), 2)
  t.equal(terminal.text, '')
  t.equal(String(terminal.stderr.read()), 'error: "pod" is not possible here\n')
})

t.test('an error that nobody foresaw leaves the terminal first', async (t) => {
  const server = await gateway(t, () => {}, { ...topAnswer(''), rows: [{}] })
  const terminal = new Terminal()
  t.equal(await runCli(['top', 'deploy', '--gateway', server.url], terminal.context), 1)
  t.match(await terminal.until(/1049l/), LEAVE)
  t.match(String(terminal.stderr.read()), /^BUG: TypeError/)
})

t.test('told to stop by a signal, the terminal is as it was before', async (t) => {
  const server = await gateway(t, () => {})
  const terminal = new Terminal()
  const running = runCli(['top', 'deploy/web', '--gateway', server.url], terminal.context)
  await terminal.until(/\/answer\/1/)
  process.kill(process.pid, 'SIGTERM')
  t.equal(await running, 0)
  t.match(await terminal.until(/1049l/), LEAVE)
  t.strictSame(terminal.modes, [true, false])
})

t.test('a crash leaves the screen before Node says why', async (t) => {
  const { stdin, stdout } = new Terminal()
  let text = ''
  stdout.on('data', (part: string) => (text += part))
  const screen = new Screen({ stdin, stdout, onKey: () => {}, onResize: () => {} })
  screen.open()
  screen.open()
  screen.draw(['one', 'two'])
  screen.draw(['one', 'two'])
  // As Node calls it; emitting the event would have the test runner see a crash as well.
  const leave = process.listeners('uncaughtExceptionMonitor').at(-1) as () => void
  leave()
  await new Promise(setImmediate)
  t.equal(text.split(ENTER).length, 2)
  t.equal(text.split('one').length, 2, 'what is there already is not drawn')
  t.ok(text.endsWith(LEAVE))
  screen.draw(['three'])
  screen.close()
  await new Promise(setImmediate)
  t.ok(text.endsWith(LEAVE), 'closed, nothing is drawn')
})
