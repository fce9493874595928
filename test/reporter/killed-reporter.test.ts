import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { StatAnswer } from '../../src/query/answer.ts'
import { freePort } from '../../stack/free-port.ts'
import { ServeProcess } from '../e2e/serve-process.ts'
import { random } from '../random.ts'
import { ForgetfulRelay } from './forgetful-relay.ts'

t.setTimeout(200_000)

const PROGRAM = new URL('reporting-process.ts', import.meta.url).pathname

/** A program that reports, until it is killed. */
class ReportingProcess {
  /** What it said of its events. */
  reporting = 0
  kept = 0
  readonly child: ChildProcess
  #text = ''
  #errors = ''

  constructor(t: Test, ingestUrl: string, directory: string, workload: string, portions: number) {
    this.child = spawn(process.execPath, [PROGRAM, ingestUrl, directory, workload, String(portions)], {
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    t.teardown(() => this.kill())
    this.child.stderr!.on('data', (chunk: Buffer) => (this.#errors += chunk.toString()))
    this.child.stdout!.on('data', (chunk: Buffer) => {
      const lines = (this.#text + chunk.toString()).split('\n')
      this.#text = lines.pop()!
      for (const line of lines) {
        const [word, count] = line.split(' ')
        this[word as 'reporting' | 'kept'] = Number(count)
      }
    })
  }

  async untilKept(count: number): Promise<void> {
    while (this.kept < count) {
      if (this.child.exitCode !== null) throw new Error(`ended with ${this.child.exitCode}: ${this.#errors}`)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }

  async kill(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return
    const exit = once(this.child, 'exit')
    this.child.kill('SIGKILL')
    await exit
    // What it wrote before.
    if (!this.child.stdout!.readableEnded) await once(this.child.stdout!, 'end')
  }

  async end(): Promise<unknown> {
    const exit = once(this.child, 'exit')
    this.child.stdin!.end()
    return (await exit)[0]
  }
}

t.test(
  'programs killed while the ingest is down, and while it is back, lose and repeat nothing that was kept',
  { timeout: 180_000 },
  async (t) => {
    const spool = join(t.testdir(), 'spool')
    const port = await freePort()
    const start = (workload: string, portions: number) =>
      new ReportingProcess(t, `http://127.0.0.1:${port}`, spool, workload, portions)
    const asked = { resource: 'deploy', namespace: 'shop', window: '10m' }
    const next = random(71)

    // The ingest is down. Some are killed at any moment, some with nothing under way.
    const lives: { name: string; life: ReportingProcess }[] = []
    for (let i = 0; i < 2; i++) {
      const life = start(`busy-${i}`, 100_000)
      lives.push({ name: `busy-${i}`, life })
      await life.untilKept(200 + Math.floor(next() * 400))
      await life.kill()
      const idle = start(`idle-${i}`, 5)
      lives.push({ name: `idle-${i}`, life: idle })
      await idle.untilKept(200)
      await idle.kill()
    }

    // It comes back, and goes again, and does not always answer for what it took; so do the programs, that send what is in
    // the spool.
    const relay = new ForgetfulRelay(() => next() < 0.2)
    const serveAgain = async () => {
      const serve = await ServeProcess.start(`${t.testdirName}/data`)
      t.teardown(() => serve.kill('SIGKILL'))
      relay.target = serve.ingestUrl
      return serve
    }
    let serve = await serveAgain()
    await relay.listen(t, port)
    for (let i = 0; i < 3; i++) {
      const life = start(`back-${i}`, 5)
      lives.push({ name: `back-${i}`, life })
      await life.untilKept(200)
      if (i === 1) {
        await serve.kill('SIGKILL')
        serve = await serveAgain()
      }
      await life.kill()
    }
    const last = start('last', 5)
    lives.push({ name: 'last', life: last })
    await last.untilKept(200)
    const isAll = ({ rows }: StatAnswer) =>
      lives.every(({ name, life }) => (rows.find((row) => row.name === name)?.requests ?? 0) >= life.kept)
    while (!isAll(await serve.until('stat', asked, isAll)));
    t.equal(await last.end(), 0)
    const answer = await serve.ask('stat', asked)
    t.ok(relay.forgotten > 5, `${relay.forgotten} answers did not arrive`)
    for (const { name, life } of lives) {
      const row = answer.rows.find((other) => other.name === name)
      const requests = row?.requests ?? 0
      if (name.startsWith('busy')) {
        const { kept, reporting } = life
        t.ok(requests >= kept && requests <= reporting, `${name}: ${kept} <= ${requests} <= ${reporting}`)
      } else {
        t.match(row, { requests: life.kept, failures: life.kept / 20 }, name)
      }
    }
  },
)
