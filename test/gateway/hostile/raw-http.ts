import type { Buffer } from 'node:buffer'
import { connect, type Socket } from 'node:net'

export interface RawAnswer {
  /** 0 where the connection was closed without an answer. */
  readonly status: number
  readonly headers: string
  /** Of an answer that has an end. */
  readonly body: string
}

/**
 * Sends bytes as they are, which no client of HTTP would, and answers what comes back, of a stream its head. Rejects where
 * the answer has no end after `timeoutMs`.
 */
export function askRaw(
  port: number,
  bytes: string | Buffer,
  { timeoutMs = 30_000, isHead = false } = {},
): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    let all = ''
    const timer = setTimeout(() => {
      socket.destroy()
      reject(
        new Error(
          `no end after ${timeoutMs} ms of the answer to ${JSON.stringify(bytes.toString())}: ${all}`,
        ),
      )
    }, timeoutMs)
    socket.setEncoding('latin1')
    socket.on('data', (text: string) => {
      all += text
      if (isWhole(all, isHead)) socket.destroy()
    })
    // What was refused before it was read may be answered with a reset, after the answer.
    socket.on('error', () => {})
    socket.once('close', () => {
      clearTimeout(timer)
      resolve(answerOf(all))
    })
    socket.write(bytes)
  })
}

function answerOf(all: string): RawAnswer {
  const end = all.indexOf('\r\n\r\n')
  const headers = end < 0 ? all : all.slice(0, end)
  const status = Number(/^HTTP\/1\.1 (\d+)/.exec(headers)?.[1] ?? 0)
  return { status, headers, body: end < 0 ? '' : all.slice(end + 4) }
}

function isWhole(all: string, isHead: boolean): boolean {
  if (!all.includes('\r\n\r\n')) return false
  const { status, headers, body } = answerOf(all)
  if (isHead || status === 101 || /^content-type: application\/x-ndjson/im.test(headers)) return true
  const length = /^content-length: (\d+)/im.exec(headers)?.[1]
  return length !== undefined && body.length >= Number(length)
}

const UPGRADE =
  'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'

export const GET = (path: string, headers = '') => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n`

export const UPGRADE_TO = (path: string, headers = '') => GET(path, `${UPGRADE}${headers}`)

/** A websocket's socket after the upgrade, paused; or the answer, where it is refused. `at` is a port, or a Unix socket. */
export function upgraded(at: number | string, path: string, headers = ''): Promise<Socket | RawAnswer> {
  return new Promise((resolve) => {
    const socket = typeof at === 'string' ? connect(at) : connect(at, '127.0.0.1')
    let all = ''
    socket.on('error', () => {})
    const onData = (data: Buffer) => {
      all += data.toString('latin1')
      const end = all.indexOf('\r\n\r\n')
      if (end < 0 || !all.startsWith('HTTP/1.1 101')) return
      socket.off('data', onData)
      socket.off('close', onClose)
      socket.pause()
      resolve(socket)
    }
    const onClose = () => resolve(answerOf(all))
    socket.on('data', onData)
    socket.once('close', onClose)
    socket.write(UPGRADE_TO(path, headers))
  })
}

/** Runs `work` on all items, so many at a time. */
export async function atOnce<T>(
  items: Iterator<T, unknown>,
  most: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  await Promise.all(
    Array.from({ length: most }, async () => {
      for (let next = items.next(); next.done !== true; next = items.next()) await work(next.value)
    }),
  )
}
