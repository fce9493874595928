import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { guardOf } from '../../stack/server-process.ts'

const MAIN = new URL('../../src/main.ts', import.meta.url).pathname

export interface Answer {
  readonly status: number
  readonly retryAfter: string | null
  /** JSON, or text where it is none. */
  readonly body: unknown
}

/** A real `meshtap <role>` on a free port, with nothing in its environment but what it is given. */
export class RoleProcess {
  readonly child: ChildProcess
  /** Where it listens, as it says itself. */
  readonly url: string
  readonly #log: () => string

  private constructor(child: ChildProcess, url: string, log: () => string) {
    this.child = child
    this.url = url
    this.#log = log
  }

  /** Resolves once it listens. `variables` are settings by name: `{ redis: 'redis://…' }`. */
  static async start(role: string, settings: Readonly<Record<string, string>>): Promise<RoleProcess> {
    const variables = Object.entries(settings).map(([name, value]) => [
      `MESHTAP_${name.toUpperCase().replaceAll('-', '_')}`,
      value,
    ])
    const child = spawn(process.execPath, [MAIN, role], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: process.env['PATH'],
        MESHTAP_GRPC_LISTEN: '127.0.0.1:0',
        ...(Object.fromEntries(variables) as Record<string, string>),
      },
    })
    const closed = once(child, 'close')
    // It ends with this process, however that ends.
    const guard = guardOf(child.pid!)
    child.once('exit', () => guard.kill('SIGKILL'))
    let [stdout, stderr] = ['', '']
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
    for await (const chunk of child.stdout.setEncoding('utf8')) {
      stdout += chunk as string
      const url = /(http:\/\/[\d.:]+)/.exec(stdout)?.[1]
      if (url === undefined) continue
      child.stdout.resume()
      return new RoleProcess(child, url, () => stderr)
    }
    await closed
    throw new Error(`${role} ended with ${child.exitCode ?? child.signalCode}: ${stderr}`)
  }

  get log(): string {
    return this.#log()
  }

  async ask(path: string, init: RequestInit = {}): Promise<Answer> {
    const response = await fetch(`${this.url}${path}`, { ...init, signal: AbortSignal.timeout(20_000) })
    const text = await response.text()
    const isJson = response.headers.get('content-type')?.includes('json') ?? false
    return {
      status: response.status,
      retryAfter: response.headers.get('retry-after'),
      body: isJson ? (JSON.parse(text) as unknown) : text,
    }
  }

  /** Asks until the answer is as wanted. Rejects after 20 s, with the last answer. */
  async until(path: string, isWanted: (answer: Answer) => boolean): Promise<Answer> {
    const deadline = Date.now() + 20_000
    for (;;) {
      const answer = await this.ask(path)
      if (isWanted(answer)) return answer
      if (Date.now() > deadline) throw new Error(`${path}: ${JSON.stringify(answer)}\n${this.log}`)
      await sleep(50)
    }
  }

  /** Sends a signal, and waits for the end. */
  async stop(signal: NodeJS.Signals): Promise<{ readonly code: number | null; readonly ms: number }> {
    const startMs = performance.now()
    if (this.child.exitCode === null && this.child.signalCode === null) {
      const exit = once(this.child, 'exit')
      this.child.kill(signal)
      await exit
    }
    return { code: this.child.exitCode, ms: performance.now() - startMs }
  }
}
