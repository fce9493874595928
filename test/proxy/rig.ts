import { createHash, randomBytes } from 'node:crypto'
import {
  Agent,
  createServer,
  type IncomingHttpHeaders,
  request as httpRequest,
  type RequestListener,
  type RequestOptions,
  type Server,
} from 'node:http'
import {
  type AddressInfo,
  connect,
  createServer as createTcpServer,
  type Server as TcpServer,
  type Socket,
} from 'node:net'
import type { Readable } from 'node:stream'
import type { RequestEvent } from '../../src/event/event.ts'
import { type ProxyOptions, type RunningProxy, startProxy } from '../../src/proxy/proxy.ts'
import { CapturingIngest } from '../reporter/capturing-ingest.ts'

export const WEB = {
  cluster: 'east',
  namespace: 'emojivoto',
  kind: 'deployment',
  name: 'web',
  pod: 'web-7c8d-x2k',
  service: 'web-svc',
}
export const ANYWHERE = { host: '127.0.0.1', port: 0 }

export interface Rig extends AsyncDisposable {
  readonly proxy: RunningProxy
  readonly ingest: CapturingIngest
  /** The proxy's inbound address. */
  readonly url: string
  readonly upstreamUrl: string
}

/** A server, an inbound sidecar in front of it, and an ingest that it reports to. */
export async function startRig(
  app: Server | TcpServer | RequestListener,
  options: Partial<ProxyOptions> = {},
): Promise<Rig> {
  const server = typeof app === 'function' ? createServer(app) : app
  const ingest = await CapturingIngest.start()
  const upstreamUrl = await listen(server)
  const proxy = await startProxy({
    workload: WEB,
    inbound: { listen: ANYWHERE, upstream: upstreamUrl },
    ingestUrl: ingest.url,
    reporter: { flushMs: 1 },
    ...options,
    limits: { closeGraceMs: 100, ...options.limits },
  })
  return {
    proxy,
    ingest,
    url: proxy.inboundUrl!,
    upstreamUrl,
    async [Symbol.asyncDispose]() {
      await proxy.close()
      await closed(server)
      await ingest[Symbol.asyncDispose]()
    },
  }
}

export async function listen(server: Server | TcpServer): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

export function closed(server: Server | TcpServer): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    if ('closeAllConnections' in server) server.closeAllConnections()
  })
}

/** A TCP server that answers as it likes. */
export function rawServer(onConnection: (socket: Socket) => void): TcpServer {
  return createTcpServer((socket) => {
    socket.on('error', () => {})
    onConnection(socket)
  })
}

export interface Answer {
  readonly status: number
  readonly statusMessage: string
  readonly headers: IncomingHttpHeaders
  readonly rawHeaders: readonly string[]
  readonly rawTrailers: readonly string[]
  readonly body: Buffer
}

/** Sends a request, and resolves with the whole answer. */
export function send(
  url: string,
  options: RequestOptions & { readonly body?: string | Buffer | Readable; readonly path?: string } = {},
): Promise<Answer> {
  const { body, ...rest } = options
  return new Promise((resolve, reject) => {
    const request = httpRequest(url, { agent: false, ...rest }, (response) => {
      readAll(response).then(
        (bytes) =>
          resolve({
            status: response.statusCode!,
            statusMessage: response.statusMessage!,
            headers: response.headers,
            rawHeaders: response.rawHeaders,
            rawTrailers: response.rawTrailers,
            body: bytes,
          }),
        reject,
      )
    })
    request.on('error', reject)
    if (body === undefined || typeof body === 'string' || Buffer.isBuffer(body)) request.end(body)
    else body.pipe(request)
  })
}

export async function readAll(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

/** Sends bytes as they are, and resolves with everything that comes back until the connection ends. */
export function sendRaw(url: string, text: string): Promise<string> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve, reject) => {
    let answer = ''
    const socket = connect(Number(port), hostname, () => socket.write(text))
    socket.setEncoding('latin1')
    socket.on('data', (chunk: string) => (answer += chunk))
    socket.on('end', () => resolve(answer))
    socket.on('error', reject)
  })
}

export function keepAliveAgent(): Agent & Disposable {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  return Object.assign(agent, { [Symbol.dispose]: () => agent.destroy() })
}

export const bytes = (length: number): Buffer => randomBytes(length)
export const sha = (data: Buffer): string => createHash('sha256').update(data).digest('hex')

/** What of an event does not differ from run to run. */
export function steady(event: RequestEvent): Partial<RequestEvent> {
  const { timeMs: _time, latencyMicros: _latency, ...rest } = event
  return rest
}

/** A promise and what settles it. */
export function deferred<T = void>(): PromiseWithResolvers<T> {
  return Promise.withResolvers<T>()
}
