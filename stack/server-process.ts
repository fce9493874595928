import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, openSync, readFileSync, statSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

export interface ServerCommand {
  /** What errors call it. */
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
  /** Beside the environment of this process. */
  readonly environment?: Readonly<Record<string, string>>
  /** Takes all that the server prints; a start appends. */
  readonly logFile: string
  /** What the server prints once it serves. Its own words, since a port that answers may be another's. */
  readonly readyText: string
}

/** Kafka waits for the session of its killed predecessor to end before it starts. */
const START_TIMEOUT_MS = 60_000
const STOP_TIMEOUT_MS = 15_000

/** A server that did not come up. `portTaken` when that was because something else listens on its port. */
export class ServerStartError extends Error {
  readonly code = 'STACK_START_FAILED'
  override readonly name = 'ServerStartError'
  readonly portTaken: boolean

  constructor(server: string, reason: string, log: string) {
    super(`${server} did not start: ${reason}\n${log.trim().split('\n').slice(-20).join('\n')}`)
    this.portTaken = /Address already in use/i.test(log)
  }
}

/**
 * A server that is a child of this process, in a session of its own so that a Ctrl-C does not reach it. It is killed
 * when this process is gone, however that happened.
 */
export class ServerProcess {
  readonly #command: ServerCommand
  #child: ChildProcess | undefined

  constructor(command: ServerCommand) {
    this.#command = command
  }

  /** Of the running server. */
  get pid(): number {
    const pid = this.#child?.pid
    if (pid === undefined) throw new Error(`${this.#command.name} is not running`)
    return pid
  }

  /** Resolves when it serves. */
  async start(): Promise<void> {
    const { name, command, args, environment, logFile, readyText } = this.#command
    if (this.#child !== undefined) throw new Error(`${name} is running already`)
    const from = existsSync(logFile) ? statSync(logFile).size : 0
    const log = openSync(logFile, 'a')
    const child = spawn(command, args, {
      detached: true,
      stdio: ['ignore', log, log],
      env: { ...process.env, ...environment },
    })
    closeSync(log)
    await once(child, 'spawn')
    child.unref()
    this.#child = child
    const guard = guardOf(child.pid!)
    child.once('exit', () => {
      guard.kill('SIGKILL')
      if (this.#child === child) this.#child = undefined
    })
    const printed = () => readFileSync(logFile).subarray(from).toString()
    for (const end = Date.now() + START_TIMEOUT_MS; !printed().includes(readyText); await sleep(20)) {
      if (this.#child !== child) throw new ServerStartError(name, 'it ended', printed())
      if (Date.now() < end) continue
      await this.kill()
      throw new ServerStartError(name, `not ready within ${START_TIMEOUT_MS} ms`, printed())
    }
  }

  /** Resolves when the running server is gone, whoever ended it. */
  async ended(): Promise<void> {
    if (this.#child !== undefined) await once(this.#child, 'exit')
  }

  /** SIGKILL; resolves when the process is gone. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL', STOP_TIMEOUT_MS)
  }

  /** SIGTERM, and SIGKILL if that takes longer than `limitMs`. */
  async stop(limitMs = STOP_TIMEOUT_MS): Promise<void> {
    await this.#end('SIGTERM', limitMs)
  }

  /** SIGSTOP: connections stay open and nothing answers. */
  pause(): void {
    process.kill(this.pid, 'SIGSTOP')
  }

  resume(): void {
    process.kill(this.pid, 'SIGCONT')
  }

  async #end(signal: 'SIGKILL' | 'SIGTERM', limitMs: number): Promise<void> {
    const child = this.#child
    if (child === undefined) return
    const exit = once(child, 'exit')
    // A server and its exit do not keep this process alive, but somebody who waits for it does.
    child.ref()
    const late = setTimeout(() => child.kill('SIGKILL'), limitMs)
    child.kill(signal)
    // A stopped process takes SIGTERM only when it goes on.
    child.kill('SIGCONT')
    await exit
    clearTimeout(late)
  }
}

/**
 * Waits for the other end of its input to close, which the system does when this process is gone, even by SIGKILL, and
 * kills the server then.
 */
export function guardOf(pid: number): ChildProcess {
  const guard = spawn('/bin/sh', ['-c', 'read -r _; kill -9 "$0"', String(pid)], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  guard.unref()
  const input = guard.stdin as unknown as { unref(): void; on(event: 'error', listener: () => void): void }
  input.unref()
  input.on('error', () => {})
  return guard
}
