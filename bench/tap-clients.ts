/**
 * Clients of taps in a process of their own: `tap-clients.ts PORT PATH…`, a websocket a path. On each line of input it
 * prints what they got so far, as one JSON line, and begins to count anew.
 */
import { connect, type Socket } from 'node:net'
import { createInterface } from 'node:readline'

const [port, mode, ...paths] = process.argv.slice(2)
/** Looks at every event's time, instead of counting only. */
const isTiming = mode === 'time'
let delaysMs: number[] = []
let bytes = 0
let frames = 0
let open = 0
const sent: number[] = []

const TAIL_BYTES = 160
/** Connections that are opened at a time. */
const AT_ONCE = 25

function onMessage(client: number, message: Buffer): void {
  frames++
  const tail = message.toString('latin1', Math.max(0, message.length - TAIL_BYTES))
  sent[client] = Number(/"sent":(\d+)/.exec(tail)?.[1] ?? 0)
  if (!isTiming) return
  const nowMs = Date.now()
  const { events } = JSON.parse(message.toString()) as { events: { time: string }[] }
  for (const { time } of events) delaysMs.push(nowMs - Date.parse(time))
}

/** Takes a server's frames apart: they are not masked, and each is a whole message. */
function read(socket: Socket, client: number): void {
  let rest: Buffer = Buffer.alloc(0)
  let isUpgraded = false
  socket.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    if (!isUpgraded) {
      const end = rest.indexOf('\r\n\r\n')
      if (end < 0) return
      if (!rest.toString('latin1', 0, 12).endsWith('101')) throw new Error(rest.toString())
      isUpgraded = true
      open++
      rest = rest.subarray(end + 4)
    }
    while (rest.length >= 2) {
      const short = rest[1]! & 0x7f
      const from = short < 126 ? 2 : short === 126 ? 4 : 10
      if (rest.length < from) return
      const length = short < 126 ? short : short === 126 ? rest.readUInt16BE(2) : rest.readUIntBE(4, 6)
      if (rest.length < from + length) return
      if ((rest[0]! & 0x0f) === 1) onMessage(client, rest.subarray(from, from + length))
      rest = rest.subarray(from + length)
    }
  })
}

function begin(client: number): void {
  const path = paths[client]
  if (path === undefined) return
  const socket = connect(Number(port), '127.0.0.1')
  socket.on('error', (error) => {
    throw error
  })
  socket.write(
    `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  )
  // A server's queue of connections is short.
  socket.once('data', () => begin(client + AT_ONCE))
  read(socket, client)
}

for (let client = 0; client < AT_ONCE; client++) begin(client)

createInterface(process.stdin).on('line', () => {
  const total = sent.reduce((sum, count) => sum + (count ?? 0), 0)
  process.stdout.write(`${JSON.stringify({ open, sent: total, frames, bytes, delaysMs })}\n`)
  delaysMs = []
})
