import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net'
import {
  type handleUnaryCall,
  Server,
  ServerCredentials,
  type ServiceDefinition,
  status,
} from '@grpc/grpc-js'
import type { Test } from 'tap'

/** What a server did with a request: its status, or how else it ended. */
export type Served = number | 'unanswered' | 'destroyed'

const bytesOf = (value: Buffer): Buffer => value
const method = (path: string) => ({
  path,
  requestStream: false,
  responseStream: false,
  requestSerialize: bytesOf,
  requestDeserialize: bytesOf,
  responseSerialize: bytesOf,
  responseDeserialize: bytesOf,
})

/** Methods of the gRPC service: their numbers are the statuses that they end with. */
export const GRPC_STATUSES: Readonly<Record<string, status>> = {
  Find: status.OK,
  Miss: status.NOT_FOUND,
  Break: status.UNAVAILABLE,
}

export const GRPC_SERVICE: ServiceDefinition = Object.fromEntries(
  Object.keys(GRPC_STATUSES).map((name) => [name, method(`/shop.Emoji/${name}`)]),
)

export interface EmojiServers {
  readonly httpPort: number
  readonly grpcPort: number
  readonly tcpPort: number
  /** How each request that arrived was served, by path (of gRPC: the method's), in order. */
  readonly served: ReadonlyMap<string, Served[]>
  /** Connections of TCP that ended, and their bytes. */
  readonly tcp: { connections: number; received: number; sent: number }
  /** Resolves when a request for the path has arrived. */
  arrival(path: string): Promise<void>
}

/**
 * Real servers, which write down what they did. The first part of a path says what:
 * `/ok`, `/fail` (500), `/down` (503), `/retry` (503, then 200), `/hang` and `/wait` (no answer), `/reset` (the connection).
 */
export async function emojiServers(t: Test): Promise<EmojiServers> {
  const served = new Map<string, Served[]>()
  const arrivals = new Map<string, () => void>()
  const tcp = { connections: 0, received: 0, sent: 0 }
  const note = (path: string, how: Served): void => {
    served.set(path, [...(served.get(path) ?? []), how])
    arrivals.get(path)?.()
  }

  const http = createServer((request, response) => {
    request.resume()
    const path = request.url!
    note(path, answer(path.split('/')[1]!, served.get(path)?.length ?? 0, request, response))
  })
  http.keepAliveTimeout = 60_000
  const tcpServer = createTcpServer((socket: Socket) => {
    socket.on('data', (chunk) => {
      tcp.received += chunk.length
      tcp.sent += 2 * chunk.length
      socket.write(Buffer.concat([chunk, chunk]))
    })
    socket.on('close', () => tcp.connections++)
    socket.on('error', () => {})
  })
  for (const server of [http, tcpServer]) {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.teardown(() => server.close())
  }
  t.teardown(() => http.closeAllConnections())

  const grpc = new Server()
  const handler = ([name, code]: [string, status]): [string, handleUnaryCall<Buffer, Buffer>] => [
    name,
    (call, callback) => {
      note(`/shop.Emoji/${name}`, code)
      if (code === status.OK) callback(null, call.request)
      else callback({ code, details: 'as asked' })
    },
  ]
  grpc.addService(GRPC_SERVICE, Object.fromEntries(Object.entries(GRPC_STATUSES).map(handler)))
  const grpcPort = await new Promise<number>((resolve, reject) => {
    grpc.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) =>
      error === null ? resolve(port) : reject(error),
    )
  })
  t.teardown(() => grpc.forceShutdown())

  return {
    httpPort: (http.address() as AddressInfo).port,
    grpcPort,
    tcpPort: (tcpServer.address() as AddressInfo).port,
    served,
    tcp,
    arrival: (path) =>
      served.has(path) ? Promise.resolve() : new Promise((resolve) => arrivals.set(path, resolve)),
  }
}

function answer(what: string, earlier: number, request: IncomingMessage, response: ServerResponse): Served {
  switch (what) {
    case 'hang':
    case 'wait':
      return 'unanswered'
    case 'reset':
      request.socket.destroy()
      return 'destroyed'
  }
  const status = what === 'fail' ? 500 : what === 'down' || (what === 'retry' && earlier === 0) ? 503 : 200
  response.writeHead(status).end('emoji')
  return status
}
