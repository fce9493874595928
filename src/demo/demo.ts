import type { RouteOptions } from '../proxy/route-table.ts'
import type { SenderToken } from '../reporter/ingest-client.ts'
import { type Log, SILENT } from '../reporter/log.ts'
import { emojiService } from './emoji-service.ts'
import { Pod, type PodOptions, type StatusCounts } from './pod.ts'
import { VoteBot } from './vote-bot.ts'
import { type Poll, votingService } from './voting-service.ts'
import { webService } from './web-service.ts'
import { pretendedWork, type Work } from './work.ts'

export interface DemoOptions {
  /** Meshtap's ingest: `http://127.0.0.1:4318`. */
  readonly ingestUrl: string
  /** Where the ingest asks for one. */
  readonly ingestToken?: SenderToken
  /** `local`, where it is left out. */
  readonly cluster?: string
  /** Requests a second in the whole mesh, on average; each is reported by two sidecars. 25, where it is left out. */
  readonly rps?: number
  /** Port of web's first pod, so that people can send requests too; any free one, where it is left out. */
  readonly webPort?: number
  /** Uniform in [0, 1). */
  readonly random?: () => number
  /** What a service does before it answers; it takes a few milliseconds, where it is left out. */
  readonly work?: Work
  readonly log?: Log
}

/** What the applications counted themselves. */
export interface DemoPodCounts {
  readonly pod: string
  /** Answers that it gave, by status. */
  readonly served: StatusCounts
  /** Answers that it got, by authority and status. */
  readonly called: ReadonlyMap<string, StatusCounts>
}

export interface RunningDemo extends AsyncDisposable {
  /** Web's first pod, through its sidecar. */
  readonly webUrl: string
  readonly counts: readonly DemoPodCounts[]
  /** Stops sending, lets what is under way end, and reports the rest: in less than a second. Idempotent. */
  close(): Promise<void>
}

const NAMESPACE = 'emojivoto'

/** How long rounds under way may take when the demo closes. */
const LAST_ROUNDS_MS = 300

/**
 * Starts a mesh of four services like emojivoto: vote-bot calls web, which calls emoji and voting, over HTTP on loopback
 * and through a sidecar on either side. Voting for :doughnut: fails.
 */
export async function startDemo(options: DemoOptions): Promise<RunningDemo> {
  const demo = new Demo(options)
  try {
    await demo.start()
  } catch (error) {
    await demo.close()
    throw error
  }
  return demo
}

class Demo implements RunningDemo {
  readonly #options: DemoOptions
  readonly #pods: Pod[] = []
  #bot: VoteBot | undefined
  #web: Pod | undefined
  #closing: Promise<void> | undefined

  constructor(options: DemoOptions) {
    this.#options = options
  }

  get webUrl(): string {
    return this.#web?.url ?? ''
  }

  get counts(): readonly DemoPodCounts[] {
    return this.#pods.map(({ name, served, called }) => ({ pod: name, served, called }))
  }

  async start(): Promise<void> {
    const { random = Math.random, rps = 25, webPort = 0 } = this.#options
    const work = this.#options.work ?? pretendedWork(random)
    const poll: Poll = new Map()

    const emoji = [this.#pod('emoji', '5c8d7f9b64-k7m2p', { service: () => emojiService(work) })]
    const voting = ['q4x8z', 'w9c3n'].map((id) =>
      this.#pod('voting', `7d9b5c6f88-${id}`, { service: () => votingService(poll, work) }),
    )
    await Promise.all([...emoji, ...voting].map((pod) => pod.start()))

    const behindWeb = [route('emoji', emoji), route('voting', voting)]
    const web = ['b6t2j', 'h5r7v'].map((id, i) =>
      this.#pod('web', `6f7c9d5b8d-${id}`, {
        service: (client) => webService(client, NAMESPACE, work),
        routes: behindWeb,
        port: i === 0 ? webPort : 0,
      }),
    )
    await Promise.all(web.map((pod) => pod.start()))
    this.#web = web[0]

    // All report to the same ingest: one of them saying that it is away is enough.
    const log = this.#options.log ?? SILENT
    const bot = this.#pod('vote-bot', '5f6d8c7b9c-t8q2l', { routes: [route('web', web)], log })
    await bot.start()
    this.#bot = new VoteBot({ client: bot.client, authority: authorityOf('web'), rps, random })
    this.#bot.start()
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close())
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    await this.#bot?.stop(LAST_ROUNDS_MS)
    await Promise.all(this.#pods.map((pod) => pod.close()))
  }

  #pod(name: string, id: string, options: Partial<PodOptions>): Pod {
    const { cluster = 'local', ingestUrl, ingestToken } = this.#options
    const isCalled = options.service !== undefined
    const pod = new Pod({
      workload: {
        cluster,
        namespace: NAMESPACE,
        kind: 'deployment',
        name,
        pod: `${name}-${id}`,
        ...(isCalled ? { service: `${name}-svc` } : {}),
      },
      ingestUrl,
      ...(ingestToken === undefined ? {} : { ingestToken }),
      log: SILENT,
      ...options,
    })
    this.#pods.push(pod)
    return pod
  }
}

function authorityOf(name: string): string {
  return `${name}-svc.${NAMESPACE}:80`
}

function route(name: string, pods: readonly Pod[]): RouteOptions {
  return { authority: authorityOf(name), upstreams: pods.map(({ url }) => url) }
}
