import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { type Dispatcher, fetch } from 'undici'
import type {
  EdgesAnswer,
  ResourcesAnswer,
  RoutesAnswer,
  StatAnswer,
  TopAnswer,
} from '../../src/query/answer.ts'

const MAIN = new URL('../../src/main.ts', import.meta.url).pathname

interface Answers {
  readonly stat: StatAnswer
  readonly top: TopAnswer
  readonly edges: EdgesAnswer
  readonly routes: RoutesAnswer
  readonly resources: ResourcesAnswer
}

/** Free ports; flags that come later go before these. */
const ANYWHERE = ['listen', 'ingest-listen', 'grpc-listen'].flatMap((name) => [`--${name}`, '127.0.0.1:0'])

/** A real `meshtap serve` on free ports. */
export class ServeProcess {
  readonly child: ChildProcess
  readonly gatewayUrl: string
  readonly ingestUrl: string
  /** How it is asked, where not as anyone may ask. */
  dispatcher: Dispatcher | undefined
  readonly #log: () => string

  private constructor(child: ChildProcess, gatewayUrl: string, ingestUrl: string, log: () => string) {
    this.child = child
    this.gatewayUrl = gatewayUrl
    this.ingestUrl = ingestUrl
    this.#log = log
  }

  /** What the process wrote to its log. */
  get log(): string {
    return this.#log()
  }

  static async start(data: string, ...flags: string[]): Promise<ServeProcess> {
    const child = spawn(process.execPath, [MAIN, 'serve', ...ANYWHERE, '--data', data, ...flags], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let stderr = ''
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
    let gatewayUrl: string | undefined
    for await (const line of createInterface({ input: child.stdout })) {
      const [, name, url] = /^ *(api|ingest) +(https?:\S+)/i.exec(line) ?? []
      if (name?.toLowerCase() === 'api') gatewayUrl = url
      else if (url !== undefined) return new ServeProcess(child, gatewayUrl!, url, () => stderr)
    }
    throw new Error(`serve ended with ${child.exitCode ?? child.signalCode}: ${stderr}`)
  }

  async kill(signal: 'SIGKILL' | 'SIGTERM'): Promise<number | null> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return this.child.exitCode
    const exit = once(this.child, 'exit') as Promise<[number | null]>
    this.child.kill(signal)
    return (await exit)[0]
  }

  async ask<K extends keyof Answers>(
    what: K,
    parameters: Readonly<Record<string, string>>,
  ): Promise<Answers[K]> {
    const url = `${this.gatewayUrl}/api/v1/${what}?${new URLSearchParams(parameters).toString()}`
    const response = await fetch(url, this.dispatcher === undefined ? {} : { dispatcher: this.dispatcher })
    if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}\n${this.log}`)
    return (await response.json()) as Answers[K]
  }

  /** Asks until the answer is as wanted, or for 15 s; answers the last one. */
  async until<K extends keyof Answers>(
    what: K,
    parameters: Readonly<Record<string, string>>,
    isWanted: (answer: Answers[K]) => boolean,
  ): Promise<Answers[K]> {
    const deadline = Date.now() + 15_000
    for (;;) {
      const answer = await this.ask(what, parameters)
      if (isWanted(answer) || Date.now() > deadline) return answer
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
}
