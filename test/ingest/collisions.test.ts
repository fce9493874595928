import t from 'tap'
import { ProtobufWriter } from '../../src/event/protobuf-writer.ts'
import { EVENT_BATCH, ingestServer } from './ingest-server.ts'

/** A batch of strings of eight bytes that all have one hash: the second word takes back what the first did to it. */
function colliding(from: number, to: number): Buffer {
  const writer = new ProtobufWriter()
  for (let i = from; i < to; i++) {
    const first = 0x61616161 + i
    let hash = Math.imul(8 ^ first, 0x9e3779b1)
    hash ^= hash >>> 15
    writer.bytes(3, new Uint8Array(Int32Array.of(first, hash ^ 0x61616161).buffer))
  }
  return Buffer.from(writer.finish())
}

t.test('who makes keys collide is refused, and nobody else for it', async (t) => {
  const { app } = await ingestServer(t)
  const post = async (payload: Buffer): Promise<{ status: number; at?: string }> => {
    const answer = await app.inject({
      method: 'POST',
      url: '/v1/events',
      payload,
      headers: { 'content-type': EVENT_BATCH },
    })
    return { status: answer.statusCode, ...(answer.statusCode === 200 ? {} : { at: answer.json().at }) }
  }
  t.same(await post(colliding(0, 400)), { status: 400, at: 'record' })
  t.same(await post(colliding(0, 200)), { status: 200 })
  t.same(await post(colliding(200, 400)), { status: 200 }, 'its keys collide with those of another body only')
  t.same(await post(colliding(0, 400)), { status: 400, at: 'record' })
  t.same(await post(colliding(0, 200)), { status: 200 })
})
