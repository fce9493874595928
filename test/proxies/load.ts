import { once } from 'node:events'
import { Agent, request as httpRequest } from 'node:http'
import { type ClientHttp2Session, connect as connectHttp2, constants } from 'node:http2'
import { connect as connectTcp } from 'node:net'
import { makeGenericClientConstructor, credentials, type ServiceError } from '@grpc/grpc-js'
import type { Test } from 'tap'
import { GRPC_SERVICE } from './emoji-servers.ts'

/** What a client saw of a request: its status, that it gave up itself, or that the connection was broken. */
export type Seen = number | 'given up' | 'broken'

/** Requests at once. */
const WIDTH = 16

/** Clients of one port that write down what they saw of each path. */
export class Load {
  /** By path; of gRPC by the method's. */
  readonly seen = new Map<string, Seen[]>()
  readonly #port: number
  readonly #agent: Agent
  #session: ClientHttp2Session | undefined
  readonly #t: Test

  constructor(t: Test, port: number, { keepAlive = true } = {}) {
    this.#t = t
    this.#agent = new Agent({ keepAlive, maxSockets: WIDTH })
    this.#port = port
    t.teardown(() => {
      this.#agent.destroy()
      this.#session?.destroy()
    })
  }

  /** `count` requests of HTTP/1.1 for `/<what>/0` and so on. `what`, with dots for slashes, is their authority. */
  async http1(what: string, count: number, width = WIDTH): Promise<void> {
    const host = what.replaceAll('/', '.')
    await atOnce(pathsOf(what, count), width, (path) => this.get(path, { host }))
  }

  async http2(what: string, count: number, width = WIDTH): Promise<void> {
    await atOnce(pathsOf(`${what}/h2`, count), width, (path) => this.#get2(path))
  }

  /** `giveUp` aborts it. */
  get(path: string, { giveUp, host }: { giveUp?: Promise<void>; host?: string } = {}): Promise<void> {
    return new Promise((resolve) => {
      const headers = host === undefined ? {} : { host }
      const request = httpRequest({ port: this.#port, host: '127.0.0.1', path, headers, agent: this.#agent })
      const end = (seen: Seen): void => {
        this.#note(path, seen)
        resolve()
      }
      let gaveUp = false
      request.once('response', (response) => {
        response.resume().once('end', () => end(response.statusCode!))
      })
      request.once('error', () => end(gaveUp ? 'given up' : 'broken'))
      request.end()
      const abort = (): void => {
        gaveUp = true
        request.destroy()
      }
      giveUp?.then(abort, abort)
    })
  }

  /** A request of HTTP/2 that is given up when `when` resolves. */
  async giveUp2(path: string, when: Promise<void>): Promise<void> {
    const stream = this.#http2Session().request({ ':path': path })
    stream.on('error', () => {})
    await when
    stream.close(constants.NGHTTP2_CANCEL)
    await once(stream, 'close')
    this.#note(path, 'given up')
  }

  async #get2(path: string): Promise<void> {
    const stream = this.#http2Session().request({ ':path': path })
    stream.resume()
    const [headers] = (await once(stream, 'response')) as [{ ':status': number }]
    if (!stream.closed) await once(stream, 'close')
    this.#note(path, headers[':status'])
  }

  #http2Session(): ClientHttp2Session {
    return (this.#session ??= connectHttp2(`http://127.0.0.1:${this.#port}`))
  }

  /** Calls of gRPC; what was seen is their status. */
  async grpc(name: string, count: number): Promise<void> {
    const Emoji = makeGenericClientConstructor(GRPC_SERVICE, 'shop.Emoji')
    const client = new Emoji(`127.0.0.1:${this.#port}`, credentials.createInsecure())
    this.#t.teardown(() => client.close())
    await atOnce(
      pathsOf(name, count),
      WIDTH,
      () =>
        new Promise<void>((resolve) => {
          const method = client[name] as (
            bytes: Buffer,
            callback: (error: ServiceError | null) => void,
          ) => unknown
          method.call(client, Buffer.from('emoji'), (error) => {
            this.#note(`/shop.Emoji/${name}`, error?.code ?? 0)
            resolve()
          })
        }),
    )
  }

  #note(path: string, seen: Seen): void {
    this.seen.set(path, [...(this.seen.get(path) ?? []), seen])
  }
}

/** Connections that send a text, read twice as much and end; answers how many bytes came back. */
export async function tcpConnections(port: number, count: number, text: string): Promise<number> {
  let read = 0
  await atOnce(pathsOf('', count), WIDTH, async () => {
    const socket = connectTcp(port, '127.0.0.1')
    socket.on('error', () => {})
    let own = 0
    socket.on('data', (chunk) => {
      own += chunk.length
      if (own === 2 * text.length) socket.end()
    })
    socket.write(text)
    await once(socket, 'close')
    read += own
  })
  return read
}

function pathsOf(what: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `/${what}/${i}`)
}

async function atOnce(
  items: readonly string[],
  width: number,
  work: (item: string) => Promise<void>,
): Promise<void> {
  const waiting = items.values()
  await Promise.all(
    Array.from({ length: width }, async () => {
      for (const item of waiting) await work(item)
    }),
  )
}
