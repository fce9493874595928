import { Buffer } from 'node:buffer'
import type { Socket } from 'node:net'
import { deflateRawSync } from 'node:zlib'
import t from 'tap'
import { FIN, frame, OP } from '../client-frames.ts'
import { GatewayProcess, type GatewayState } from './gateway-process.ts'
import { atOnce, upgraded } from './raw-http.ts'

// On a machine that is busy with others.
t.setTimeout(300_000)

const CLIENTS = 50
const CHUNK_BYTES = 64 * 1024

/** More than each client may make the gateway hold, and garbage that was not collected yet. */
const ALLOWED_MIB = 96

const cut = ({ malformed, talkative }: GatewayState['websockets']) => malformed + talkative

const many = (one: Buffer): Buffer =>
  Buffer.concat(Array.from({ length: Math.ceil(CHUNK_BYTES / one.length) }, () => one))

const BOMB = deflateRawSync(Buffer.alloc(50_000_000))

/** What clients send: something at first, and then something again and again, for as long as it is taken. */
const ATTACKS: readonly (readonly [
  name: string,
  first: Buffer,
  again: Buffer | undefined,
  counted: keyof GatewayState['websockets'],
])[] = [
  ['a message of 1 MiB', frame(FIN | OP.text, '', { length: 1 << 20 }), many(Buffer.of(0)), 'malformed'],
  ['a message in parts of a byte', frame(OP.text, 'x'), many(frame(OP.continuation, 'x')), 'malformed'],
  ['a message in parts of nothing', frame(OP.text), many(frame(OP.continuation)), 'malformed'],
  ['a bomb, compressed', frame(FIN | 0x40 | OP.text, BOMB), undefined, 'malformed'],
  ['a bomb in parts, compressed', frame(0x40 | OP.text, BOMB.subarray(0, 100)), undefined, 'malformed'],
  ['pings', frame(FIN | OP.ping), many(frame(FIN | OP.ping, 'x'.repeat(125))), 'talkative'],
  ['pongs', frame(FIN | OP.pong), many(frame(FIN | OP.pong, '')), 'talkative'],
  [
    'pings between the parts of a message',
    frame(OP.text, 'x'),
    many(frame(FIN | OP.ping, 'x'.repeat(125))),
    'talkative',
  ],
]

/** Sends until the server ends the connection. */
async function flood(socket: Socket, first: Buffer, again: Buffer | undefined): Promise<void> {
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  socket.write(first)
  while (!socket.closed) {
    if (again === undefined) break
    if (socket.write(again)) continue
    await Promise.race([new Promise((resolve) => socket.once('drain', resolve)), closed])
  }
  // One that reads nothing is not told of the end.
  socket.resume()
  await closed
}

t.test('whatever frames clients flood a gateway with, they are cut and its memory is bounded', async (t) => {
  const gateway = await GatewayProcess.start(t, { limits: { requestsPerMinute: 1_000_000 } })
  await gateway.stream(100)
  const before = gateway.residentMiB
  for (const [name, first, again, counted] of ATTACKS) {
    const was = (await gateway.state()).websockets
    await atOnce(Array(CLIENTS).values(), CLIENTS, async () => {
      const socket = await upgraded(gateway.port, '/api/v1/tap?resource=deploy/nobody')
      if ('status' in socket) throw new Error(`refused with ${socket.status}`)
      await flood(socket, first, again)
    })
    const { websockets } = await gateway.until(({ taps }) => taps.sessions === 0)
    // Of one read, the last part may break another limit than the first.
    t.equal(cut(websockets) - cut(was), CLIENTS, `${name}: cut`)
    t.ok(websockets[counted] > was[counted], `${name}: ${counted}`)
  }
  t.comment(`${gateway.peakMiB - before} MiB at most for ${CLIENTS} clients at a time`)
  t.ok(gateway.peakMiB - before < ALLOWED_MIB)
})
