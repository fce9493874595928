import { Buffer } from 'node:buffer'
import { once } from 'node:events'
import { connect } from 'node:net'
import t from 'tap'
import { listening } from '../http/listening.ts'
import { close, FIN, frame, OP } from './client-frames.ts'
import { gatewayServer } from './gateway-server.ts'

interface Answer {
  code?: number
  readonly pongs: string[]
}

/** What the server sends after the upgrade until it ends the connection: pongs, and the code that it closes with. */
async function answerTo(port: number, bytes: readonly Buffer[]): Promise<Answer> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  let all: Buffer = Buffer.alloc(0)
  socket.on('data', (chunk: Buffer) => (all = Buffer.concat([all, chunk])))
  socket.write(
    'GET /api/v1/tap HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n' +
      // It is not agreed on, so a compressed frame is one with a reserved bit.
      'Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n',
  )
  const closed = once(socket, 'close')
  while (!all.includes('\r\n\r\n')) await once(socket, 'data')
  if (/permessage-deflate/i.test(all.toString('latin1', 0, all.indexOf('\r\n\r\n'))))
    throw new Error('it compresses')
  for (const part of bytes) socket.write(part)
  while (!socket.closed && read(all).code === undefined) await Promise.race([once(socket, 'data'), closed])
  socket.destroy()
  return read(all)
}

function read(all: Buffer): Answer {
  const answer: Answer = { pongs: [] }
  for (let at = all.indexOf('\r\n\r\n') + 4; at + 2 <= all.length;) {
    const [opcode, size] = [all[at]! & 0x0f, all[at + 1]!]
    const from = at + (size === 126 ? 4 : 2)
    const payload = all.subarray(from, from + (size === 126 ? all.readUInt16BE(at + 2) : size))
    if (opcode === OP.pong) answer.pongs.push(payload.toString())
    // A close without a code stands for 1005.
    if (opcode === OP.close) answer.code = payload.length === 0 ? 1005 : payload.readUInt16BE(0)
    at = from + payload.length
  }
  return answer
}

const ping = frame(FIN | OP.ping, 'here')
const bye = close(1000)

/** After the cases of the Autobahn test suite that concern a server to which a client has nothing to say. */
const CASES: readonly (readonly [string, readonly Buffer[], number, string[]?])[] = [
  ['1.1.1 a text message', [frame(FIN | OP.text, '')], 1008],
  ['1.2.1 a binary message', [frame(FIN | OP.binary, 'x')], 1008],
  ['2.1 a ping without payload', [frame(FIN | OP.ping), bye], 1000, ['']],
  ['2.2 a ping with payload', [ping, bye], 1000, ['here']],
  ['2.4 a ping of 125 bytes', [frame(FIN | OP.ping, 'x'.repeat(125)), bye], 1000, ['x'.repeat(125)]],
  ['2.5 a ping of 126 bytes', [frame(FIN | OP.ping, 'x'.repeat(126))], 1002],
  ['2.6 a ping byte by byte', [...Array.from(ping, (byte) => Buffer.of(byte)), bye], 1000, ['here']],
  ['2.7 a pong that nobody asked for', [frame(FIN | OP.pong, 'x'), ping, bye], 1000, ['here']],
  ['2.10 ten pings', [...Array.from({ length: 10 }, () => ping), bye], 1000, Array<string>(10).fill('here')],
  ['3.1 reserved bit 1, as of compression', [frame(FIN | 0x40 | OP.text, 'x')], 1002],
  ['3.2 reserved bit 2', [frame(FIN | 0x20 | OP.text, 'x')], 1002],
  ['3.3 reserved bit 3', [frame(FIN | 0x10 | OP.ping)], 1002],
  ['4.1 reserved opcode 3', [frame(FIN | 3)], 1002],
  ['4.1 reserved opcode 7', [frame(FIN | 7, 'x')], 1002],
  ['4.2 reserved opcode 11', [frame(FIN | 11)], 1002],
  ['4.2 reserved opcode 15', [frame(FIN | 15, 'x')], 1002],
  ['5.1 a ping in fragments', [frame(OP.ping, 'x')], 1002],
  ['5.3 a text in fragments', [frame(OP.text, 'a'), frame(FIN, 'b')], 1008],
  ['5.6 a ping between fragments', [frame(OP.text, 'a'), ping, frame(FIN, 'b')], 1008, ['here']],
  ['5.9 a continuation of nothing', [frame(FIN, 'x')], 1002],
  ['5.18 a text within a text', [frame(OP.text, 'a'), frame(FIN | OP.text, 'b')], 1002],
  ['6.3 no UTF-8', [frame(FIN | OP.text, Buffer.of(0xce, 0xba, 0xed, 0xa0, 0x80))], 1007],
  [
    '6.4 no UTF-8 over fragments',
    [frame(OP.text, Buffer.of(0xf4)), frame(FIN, Buffer.of(0x90, 0x80, 0x80))],
    1007,
  ],
  ['7.1.1 an orderly close', [bye], 1000],
  ['7.3.1 a close without code', [frame(FIN | OP.close)], 1005],
  ['7.3.2 a close of one byte', [frame(FIN | OP.close, 'x')], 1002],
  ['7.3.5 a close with a reason', [close(1000, 'x'.repeat(123))], 1000],
  ['7.3.6 a close that is too long', [close(1000, 'x'.repeat(124))], 1002],
  ['7.5.1 a reason that is no UTF-8', [close(1000, Buffer.of(0xff))], 1007],
  ...[1001, 1003, 1007, 1011, 3000, 4999].map((code) => [`7.7 code ${code}`, [close(code)], code] as const),
  ...[0, 999, 1004, 1005, 1006, 1016, 1100, 2999, 5000].map(
    (code) => [`7.9 code ${code}`, [close(code)], 1002] as const,
  ),
  ['a frame that is not masked', [frame(FIN | OP.text, 'x', { mask: false })], 1002],
  ['9.1 a message that says it is larger than is read', [frame(FIN | OP.text, '', { length: 65_537 })], 1009],
  [
    '9.3 fragments that are too large together',
    [0, 1, 2].map((i) => frame(i === 0 ? OP.text : 0, 'x'.repeat(30_000))),
    1009,
  ],
  ['a frame of 2^63 bytes', [Buffer.of(FIN | OP.text, 0xff, 0x7f, 255, 255, 255, 255, 255, 255, 255)], 1009],
]

t.test('websockets keep to the protocol, whatever a client sends', async (t) => {
  const { app, taps } = await gatewayServer(t)
  const port = await listening(app)
  for (const [name, bytes, code, pongs = []] of CASES) {
    const answer = await answerTo(port, bytes)
    t.same(answer, { code, pongs }, name)
  }
  while (taps.stats.sessions > 0) await new Promise(setImmediate)
  t.equal(taps.stats.taps, 0)
})
