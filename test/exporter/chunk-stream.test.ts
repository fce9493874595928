import { createServer, get, type IncomingMessage } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { type Readable, Writable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { finished, pipeline } from 'node:stream/promises'
import { createGzip, gunzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { ChunkStream } from '../../src/exporter/chunk-stream.ts'
import type { Chunk } from '../../src/exporter/sample-writer.ts'

const CHUNKS = 100
const CHUNK_BYTES = 70_000

const expected = Buffer.concat(
  Array.from({ length: CHUNKS }, (_, number) => Buffer.alloc(CHUNK_BYTES, number)),
)

/** Chunks that differ, in memory that is written anew as soon as it is given back. */
function reusing(breaksAt = CHUNKS) {
  const spares: Chunk[] = []
  const told = { made: 0, sent: 0, isOver: false }
  async function* chunks(): AsyncGenerator<Chunk, void> {
    try {
      for (let number = 0; number < CHUNKS; number++) {
        if (number === breaksAt) throw new Error('broken')
        if (spares.length === 0) told.made++
        yield (spares.pop() ?? Buffer.alloc(CHUNK_BYTES)).fill(number)
      }
    } finally {
      told.isOver = true
    }
  }
  const onSent = (chunk: Chunk) => {
    told.sent++
    spares.push(chunk.fill(0xff))
  }
  return { stream: new ChunkStream({ chunks: chunks(), onSent }), told }
}

async function received(t: Test, answer: (stream: ChunkStream) => Readable) {
  const { stream, told } = reusing()
  const server = createServer((_, response) => void pipeline(answer(stream), response))
  t.teardown(() => server.close())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const [response] = await once(get({ port: (server.address() as AddressInfo).port }), 'response')
  return { body: await buffer(response as IncomingMessage), told }
}

t.test('what a client gets is whole though memory is used again', async (t) => {
  const plain = await received(t, (stream) => stream)
  t.ok(plain.body.equals(expected))
  t.equal(plain.told.sent, CHUNKS)
  t.ok(plain.told.made < CHUNKS / 2, `${plain.told.made} chunks were made`)
  const zipped = await received(t, (stream) => stream.pipe(createGzip({ level: 1 })))
  t.ok(gunzipSync(zipped.body).equals(expected))
  t.equal(zipped.told.sent, CHUNKS)
})

t.test('a destination that keeps chunks until it has written them gets them whole', async (t) => {
  const { stream, told } = reusing()
  const got: Buffer[] = []
  const slow = new Writable({
    highWaterMark: 3 * CHUNK_BYTES,
    write(chunk: Buffer, _encoding, callback) {
      setImmediate(() => {
        got.push(Buffer.from(chunk))
        callback()
      })
    },
  })
  await pipeline(stream, slow)
  t.ok(Buffer.concat(got).equals(expected))
  t.ok(told.made <= 5, `${told.made} chunks were made`)
})

t.test('whoever reads it without a pipe has the chunks for good', async (t) => {
  const { stream, told } = reusing()
  t.ok(Buffer.concat(await stream.toArray()).equals(expected))
  t.equal(told.sent, 0)
})

t.test('what breaks breaks the destination off', async (t) => {
  const { stream } = reusing(50)
  await t.rejects(pipeline(stream, new Writable({ write: (_chunk, _encoding, callback) => callback() })), {
    message: 'broken',
  })
  await t.rejects(reusing(50).stream.toArray(), { message: 'broken' })
})

t.test('nothing more is made when the destination is gone', async (t) => {
  const { stream, told } = reusing()
  const stuck = new Writable({ write: () => undefined })
  stream.pipe(stuck)
  while (stuck.writableLength === 0) await new Promise(setImmediate)
  stuck.destroy()
  stream.destroy()
  await finished(stream).catch(() => undefined)
  while (!told.isOver) await new Promise(setImmediate)
  t.equal(told.sent, 0)
})
