import { type ServerResponse, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { Exchange } from './exchange.ts'
import type { Failure } from './failure.ts'

/** Answers a request itself, and notes that in the exchange. */
export function answerFailure(exchange: Exchange, failure: Failure, response: ServerResponse): void {
  const body = bodyOf(failure)
  exchange.failed(failure)
  exchange.responseBytes = response.req.method === 'HEAD' ? 0 : body.length
  response.writeHead(failure.status, { 'content-type': CONTENT_TYPE, 'content-length': body.length })
  response.end(body)
}

/** The same on a bare connection, which it closes, and ends the exchange. */
export function answerFailureOn(socket: Socket, exchange: Exchange, failure: Failure): void {
  const body = bodyOf(failure)
  exchange.failed(failure)
  exchange.responseBytes = body.length
  exchange.end()
  if (!socket.writable) return
  const head =
    `HTTP/1.1 ${failure.status} ${STATUS_CODES[failure.status]}\r\ncontent-type: ${CONTENT_TYPE}\r\n` +
    `content-length: ${body.length}\r\nconnection: close\r\n\r\n`
  socket.end(Buffer.concat([Buffer.from(head), body]))
}

const CONTENT_TYPE = 'text/plain; charset=utf-8'

function bodyOf(failure: Failure): Buffer {
  return Buffer.from(`meshtap proxy: ${failure.message}\n`)
}
