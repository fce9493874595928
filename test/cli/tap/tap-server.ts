import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type WebSocket, WebSocketServer } from 'ws'
import type { TapAnswer, TapEventAnswer } from '../../../src/query/answer.ts'

export interface TapServer extends AsyncDisposable {
  readonly url: string
  readonly port: number
  /** URLs asked for as a websocket. */
  readonly asked: readonly string[]
}

/** A failure to answer with. */
export interface Refusal {
  readonly status: number
  readonly body: unknown
}

/**
 * A gateway that only taps: `onTap` is given each websocket, everything else goes to `onRequest`. Who asks for the past is
 * refused where `past` says how.
 */
export async function tapServer(
  onTap: (socket: WebSocket, count: number) => void,
  onRequest: (request: IncomingMessage, response: ServerResponse) => void = (_, response) =>
    response.end('{}'),
  port = 0,
  past?: Refusal,
): Promise<TapServer> {
  const asked: string[] = []
  const isRefused = ({ url = '' }: IncomingMessage) => past !== undefined && url.includes('since=')
  const server = createServer((request, response) =>
    isRefused(request) ? refuse(response, past!) : onRequest(request, response),
  )
  const sockets = new WebSocketServer({ server, verifyClient: ({ req }, done) => done(!isRefused(req), 503) })
  sockets.on('connection', (socket, request) => {
    asked.push(request.url ?? '')
    onTap(socket, asked.length)
  })
  return listening(server, asked, port, () => {
    for (const socket of sockets.clients) socket.terminate()
  })
}

async function listening(
  server: Server,
  asked: readonly string[],
  port: number,
  cut: () => void = () => {},
): Promise<TapServer> {
  await once(server.listen(port, '127.0.0.1'), 'listening')
  const address = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${address.port}`,
    port: address.port,
    asked,
    [Symbol.asyncDispose]: async () => {
      cut()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** A gateway that answers every request, websockets too, with the same failure. */
export async function refusingServer(status: number, body: unknown, port = 0): Promise<TapServer> {
  const text = JSON.stringify(body)
  const asked: string[] = []
  const server = createServer((_, response) => refuse(response, { status, body }))
  server.on('upgrade', (request, socket) => {
    asked.push(request.url ?? '')
    socket.end(
      `HTTP/1.1 ${status} Refused\r\ncontent-length: ${text.length}\r\nconnection: close\r\n\r\n${text}`,
    )
  })
  return listening(server, asked, port)
}

function refuse(response: ServerResponse, { status, body }: Refusal): void {
  response.writeHead(status, { 'content-type': 'application/problem+json' }).end(JSON.stringify(body))
}

export function frame(events: readonly TapEventAnswer[], counts: Partial<TapAnswer> = {}): string {
  const sent = events.length
  return JSON.stringify({ events, seen: sent, matched: sent, sent, dropped: 0, sampledOut: 0, ...counts })
}
