import { EventEmitter } from 'node:events'
import { PassThrough } from 'node:stream'
import t, { type Test } from 'tap'
import type { CliContext } from '../../../src/cli/context.ts'
import { runCli } from '../../../src/cli/run.ts'
import { Screen } from '../../../src/cli/top/screen.ts'
import { BASE, topRow } from '../answers.ts'
import { type Canned, cannedServer, type Received } from '../canned-server.ts'

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

async function gateway(t: Test, answer: (request: Received, count: number) => Canned) {
  const server = await cannedServer(answer)
  t.teardown(() => server[Symbol.asyncDispose]())
  return server
}

const topAnswer = (count: number) => ({
  body: { ...BASE, rows: [topRow('vote-bot', `/answer/${count}`, 100 + count)], by: 'path', total: 100 },
  headers: { date: 'Tue, 24 Nov 2026 10:01:05 GMT' },
})

t.test('a live top is drawn anew with every answer, and leaves the terminal as it was', async (t) => {
  const server = await gateway(t, (_, count) => topAnswer(count))
  const terminal = new Terminal()
  const running = runCli(['top', 'deploy/web', '-n', 'emojivoto', '--gateway', server.url], terminal.context)
  const first = await terminal.until(/\/answer\/1/)
  t.ok(first.startsWith(ENTER))
  t.match(first, /meshtap top deploy\/web in emojivoto {3}last 1m/)
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

t.test('a gateway that goes away while it runs is said to, and waited for', async (t) => {
  const server = await gateway(t, (_, count) => (count === 2 ? { cut: true } : topAnswer(count)))
  const terminal = new Terminal()
  const running = runCli(['top', 'deploy/web', '--gateway', server.url], terminal.context)
  await terminal.until(/cannot reach the gateway/)
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
  const server = await gateway(t, () => ({ status: 400, body: problem }))
  const terminal = new Terminal()
  t.equal(await runCli(['top', 'po', '--gateway', server.url], terminal.context), 2)
  t.equal(terminal.text, '')
  t.equal(String(terminal.stderr.read()), 'error: "pod" is not possible here\n')
})

t.test('an error that nobody foresaw leaves the terminal first', async (t) => {
  const server = await gateway(t, () => ({ ...topAnswer(1), body: { ...topAnswer(1).body, rows: [{}] } }))
  const terminal = new Terminal()
  t.equal(await runCli(['top', 'deploy', '--gateway', server.url], terminal.context), 1)
  t.match(await terminal.until(/1049l/), LEAVE)
  t.match(String(terminal.stderr.read()), /^BUG: TypeError/)
})

t.test('told to stop by a signal, the terminal is as it was before', async (t) => {
  const server = await gateway(t, (_, count) => topAnswer(count))
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
