import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream, type WriteStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { guardOf } from '../stack/server-process.ts'
import { pause } from './numbered-producer.ts'

/** Until it is ready, which an aggregator is when it was given partitions and claimed them. */
const START_TIMEOUT_MS = 120_000

export interface RoleOptions {
  /** What reports call it. */
  readonly name: string
  /** What Node runs: the program, the role and its flags. */
  readonly args: readonly string[]
  /** Where the role answers `/readyz`. */
  readonly statusUrl: string
  /** Takes all that it prints, of all its lives. */
  readonly logFile: string
}

/** Lines of a role's log that say that something went wrong, counted by their `kind`. */
export type Troubles = Map<string, number>

/** One role of meshtap as a process, that can be killed and paused as an operating system does it. */
export class RoleProcess {
  readonly name: string
  readonly troubles: Troubles = new Map()
  readonly #options: RoleOptions
  readonly #log: WriteStream
  #child: ChildProcess | undefined
  /** Exits that nobody asked for. */
  readonly deaths: string[] = []

  constructor(options: RoleOptions) {
    this.name = options.name
    this.#options = options
    this.#log = createWriteStream(options.logFile, { flags: 'a' })
  }

  get isRunning(): boolean {
    return this.#child !== undefined
  }

  get pid(): number {
    const pid = this.#child?.pid
    if (pid === undefined) throw new Error(`${this.name} is not running`)
    return pid
  }

  /** Starts the process; does not wait for it to be ready. */
  start(): void {
    if (this.#child !== undefined) throw new Error(`${this.name} is running already`)
    const child = spawn(process.execPath, this.#options.args, { stdio: ['ignore', 'pipe', 'pipe'] })
    this.#child = child
    const guard = guardOf(child.pid!)
    child.once('exit', (code, signal) => {
      guard.kill('SIGKILL')
      // One that was told to end is forgotten before it is gone.
      if (this.#child !== child) return
      this.#child = undefined
      this.deaths.push(`${this.name} ended by itself with ${code ?? signal}; see ${this.#options.logFile}`)
    })
    for (const output of [child.stdout, child.stderr]) {
      createInterface({ input: output }).on('line', (line) => this.#line(line))
    }
  }

  /** Resolves when `/readyz` answers 200. */
  async ready(timeoutMs = START_TIMEOUT_MS): Promise<void> {
    for (const end = Date.now() + timeoutMs; ; await pause(50)) {
      if (this.#child === undefined) throw new Error(this.deaths.at(-1) ?? `${this.name} is not running`)
      const response = await fetch(`${this.#options.statusUrl}/readyz`, {
        signal: AbortSignal.timeout(2_000),
      }).catch(() => undefined)
      await response?.arrayBuffer().catch(() => undefined)
      if (response?.status === 200) return
      if (Date.now() > end) throw new Error(`${this.name} is not ready after ${timeoutMs} ms`)
    }
  }

  async kill(signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Promise<void> {
    const child = this.#child
    if (child === undefined) return
    this.#child = undefined
    const exit = once(child, 'exit')
    child.kill(signal)
    // A stopped process takes SIGTERM only when it goes on.
    child.kill('SIGCONT')
    await exit
  }

  /** SIGSTOP: it does nothing, and its connections stay open. */
  pause(): void {
    process.kill(this.pid, 'SIGSTOP')
  }

  resume(): void {
    process.kill(this.pid, 'SIGCONT')
  }

  #line(line: string): void {
    this.#log.write(`${line}\n`)
    const kind = /"kind":"([^"]+)"/.exec(line)?.[1]
    if (kind === undefined) return
    // Of trouble that comes often, a role writes some lines only, and in the next how many it left out.
    const suppressed = Number(/"suppressed":(\d+)/.exec(line)?.[1] ?? 0)
    this.troubles.set(kind, (this.troubles.get(kind) ?? 0) + 1 + suppressed)
  }
}
