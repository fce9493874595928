import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { Test } from 'tap'
import type { GatewayLimits } from '../../../src/gateway/limits.ts'
import type { LiveStats } from '../../../src/gateway/live-questions.ts'
import type { TapHubStats } from '../../../src/gateway/tap-hub.ts'
import type { WebsocketStats } from '../../../src/gateway/websockets.ts'
import type { GuardedRoute } from '../../../src/http/access-guard.ts'
import type { HttpStats } from '../../../src/http/http-stats.ts'

export interface GatewaySettings {
  /** What differs from the defaults. */
  readonly limits: Partial<GatewayLimits>
  /** Without one anyone may see everything; with it only its bearer, and of one namespace. */
  readonly token?: string
  /** A Unix socket to be reached by, too: the system holds 200 KB for one that does not read, and of TCP up to 30 MB. */
  readonly socketPath?: string
}

export type ToGateway =
  | { readonly id: number; readonly kind: 'state' }
  | { readonly id: number; readonly kind: 'stream'; readonly perSecond: number; readonly pathBytes: number }

export interface GatewayState {
  readonly http: HttpStats
  readonly taps: TapHubStats
  readonly live: LiveStats
  readonly websockets: WebsocketStats
  /** Events, which are of `deploy/web` in `emojivoto`. */
  readonly published: number
}

interface Started {
  readonly port: number
  readonly routes: readonly GuardedRoute[]
}

/**
 * A gateway must live with that much heap, MiB, collected by the thread that uses it: else how much garbage lies about, and so
 * the peak of memory, is a matter of how busy the machine is.
 */
const HEAP: readonly string[] = ['--max-old-space-size=256', '--single-threaded-gc']

/** A gateway that has a process to itself. */
export class GatewayProcess {
  readonly port: number
  readonly routes: readonly GuardedRoute[]
  readonly #child: ChildProcess
  #asked = 0

  private constructor(child: ChildProcess, { port, routes }: Started) {
    this.#child = child
    this.port = port
    this.routes = routes
  }

  /** Lives until the test's end, at which it must still be alive. */
  static async start(t: Test, settings: GatewaySettings = { limits: {} }): Promise<GatewayProcess> {
    const child = fork(`${import.meta.dirname}/gateway-main.ts`, [JSON.stringify(settings)], {
      execArgv: [...HEAP],
    })
    child.setMaxListeners(0)
    const exit = once(child, 'exit')
    const [started] = (await Promise.race([
      once(child, 'message'),
      exit.then(() => {
        throw new Error('the gateway did not start')
      }),
    ])) as [Started]
    t.teardown(async () => {
      const isAlive = child.exitCode === null && child.signalCode === null
      child.kill('SIGKILL')
      await exit
      if (!isAlive) throw new Error(`the gateway ended with ${child.exitCode ?? child.signalCode}`)
    })
    return new GatewayProcess(child, started)
  }

  async state(): Promise<GatewayState> {
    return (await this.#ask({ id: ++this.#asked, kind: 'state' })) as GatewayState
  }

  /** Asks until its state is as wanted. The test's own time limit is the limit. */
  async until(isWanted: (state: GatewayState) => boolean): Promise<GatewayState> {
    for (;;) {
      const state = await this.state()
      if (isWanted(state)) return state
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }

  /** Lets workers see so many events a second, with paths of so many bytes, until it is told otherwise. */
  async stream(perSecond: number, pathBytes = 20): Promise<void> {
    await this.#ask({ id: ++this.#asked, kind: 'stream', perSecond, pathBytes })
  }

  /** Most memory that the process has had; of Linux only. */
  get peakMiB(): number {
    return this.#memory('VmHWM')
  }

  get residentMiB(): number {
    return this.#memory('VmRSS')
  }

  #memory(name: string): number {
    const status = readFileSync(`/proc/${this.#child.pid}/status`, 'latin1')
    return Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1]) / 1024
  }

  async #ask(message: ToGateway): Promise<unknown> {
    const gone = new AbortController()
    try {
      return await new Promise((resolve, reject) => {
        const onMessage = ({ id, answer }: { readonly id: number; readonly answer: unknown }) => {
          if (id !== message.id) return
          this.#child.off('message', onMessage)
          resolve(answer)
        }
        this.#child.on('message', onMessage)
        once(this.#child, 'exit', { signal: gone.signal }).then(
          ([code, signal]) => reject(new Error(`the gateway ended with ${code ?? signal}`)),
          () => {},
        )
        this.#child.send(message)
      })
    } finally {
      gone.abort()
    }
  }
}
