import assert from 'node:assert/strict'
import t from 'tap'
import fc from 'fast-check'
import type { RequestEvent } from '../../../src/event/event.ts'
import { FrameCodec, FrameError } from '../../../src/tap/redis/frame-codec.ts'
import { FrameReader } from '../../../src/tap/redis/frame-reader.ts'
import { FrameWriter } from '../../../src/tap/redis/frame-writer.ts'
import type { TapFrame } from '../../../src/tap/tap-bus.ts'
import { columnsOf, request, tapTraffic } from '../tap-traffic.ts'
import { requestAt } from '../../../src/event/event-objects.ts'

function setUp({ maxBytes = 1 << 20 } = {}) {
  let names = 0
  const writer = new FrameWriter({ maxBytes, newName: () => `source-${++names}` })
  const reader = new FrameReader(new FrameCodec())
  return { writer, reader }
}

function frameOf(events: readonly RequestEvent[], more: { seen?: number; matched?: number } = {}): TapFrame {
  const { seen = 0, matched = 0 } = more
  return {
    seen: events.length + matched + seen,
    matched: events.length + matched,
    candidates: events.map((event, i) => ({ priority: i / (events.length + 1), event })),
  }
}

/** What all frames together say. */
function sum(frames: readonly (TapFrame | undefined)[]) {
  let [seen, matched, candidates, lost] = [0, 0, 0, 0]
  for (const frame of frames) {
    if (frame === undefined) continue
    assert.ok(frame.seen >= frame.matched && frame.matched >= frame.candidates.length + (frame.lost ?? 0))
    seen += frame.seen
    matched += frame.matched
    candidates += frame.candidates.length
    lost += frame.lost ?? 0
  }
  return { seen, matched, candidates, lost }
}

/** As a worker has events: read out of columns. */
const event = tapTraffic.map((made) => requestAt(columnsOf([made]), 0))
const frame = fc
  .record({ events: fc.array(event, { maxLength: 8 }), seen: fc.nat(1e6), matched: fc.nat(1e6) })
  .map(({ events, seen, matched }) => frameOf(events, { seen, matched }))

t.test('a frame says where its events are in the log, and what was evaluated', (t) => {
  const { writer, reader } = setUp({ maxBytes: 600 })
  const ranges = [
    { partition: 'mesh.requests-3', from: 7, to: 2 ** 40 },
    { partition: 'east.mesh.requests-0', from: 0, to: 1 },
  ]
  const places = [
    { partition: 'mesh.requests-3', offset: 2 ** 40 - 1, index: 7 },
    undefined,
    { partition: 'x-1', offset: 0, index: 262_143 },
  ]
  const { candidates, ...numbers } = frameOf(
    places.map((_, i) => request({ path: `/${i}/${'x'.repeat(300)}` })),
  )
  const placed = candidates.map((candidate, i) => {
    const place = places[i]
    return place === undefined ? candidate : { ...candidate, place }
  })
  const read = writer
    .write('tap', { ...numbers, candidates: placed, ranges })
    .map((bytes) => reader.read(bytes)!)
  t.ok(read.length > 1, 'the frame goes in several messages')
  t.strictSame(
    read.flatMap((frame) => frame.candidates.map(({ place }) => place)),
    places,
  )
  for (const frame of read) t.strictSame(frame.ranges, ranges, 'each part tells of the same records')
  t.end()
})

t.test('a frame is read as it was written, whatever was written before it', async (t) => {
  const { writer, reader } = setUp()
  fc.assert(
    fc.property(frame, (frame) => {
      const [message, ...more] = writer.write('tap', frame)
      assert.equal(more.length, 0)
      assert.deepStrictEqual(reader.read(message!), frame)
    }),
    { seed: 1, numRuns: 300 },
  )
  t.pass()
})

t.test(
  'whichever frames are lost, repeated or late, the counts of those before the last come out',
  async (t) => {
    const fate = fc.constantFrom('arrives', 'arrives', 'lost', 'twice', 'late', 'skipped')
    fc.assert(
      fc.property(fc.array(fc.tuple(frame, fate), { maxLength: 20 }), (sent) => {
        const { writer, reader } = setUp({ maxBytes: 400 })
        const first = frameOf([])
        const last = frameOf([])
        const heard = writer.write('tap', first).map((message) => reader.read(message))
        const late: Uint8Array[] = []
        for (const [frame, fate] of sent) {
          if (fate === 'skipped') {
            writer.skip('tap', frame)
            continue
          }
          const messages = writer.write('tap', frame)
          if (fate === 'late') late.push(...messages)
          if (fate === 'arrives' || fate === 'twice')
            heard.push(...messages.map((message) => reader.read(message)))
          if (fate === 'twice') heard.push(...messages.map((message) => reader.read(message)))
        }
        heard.push(...writer.write('tap', last).map((message) => reader.read(message)))
        // Frames that say nothing may come again.
        for (const message of late) assert.deepEqual(sum([reader.read(message)]), sum([]))
        const all = sum(sent.map(([frame]) => frame))
        const { candidates, lost, ...counts } = sum(heard)
        assert.deepEqual(
          { ...counts, offered: candidates + lost },
          { seen: all.seen, matched: all.matched, offered: all.candidates },
        )
      }),
      { seed: 2, numRuns: 300 },
    )
    t.pass()
  },
)

t.test('a frame that is too long goes in several messages, none too long, in order', async (t) => {
  const { writer, reader } = setUp({ maxBytes: 2000 })
  const events = Array.from({ length: 1500 }, (_, i) =>
    request({ path: `/${'x'.repeat(i % 50)}`, latencyMicros: i }),
  )
  const frame = frameOf(events, { seen: 7, matched: 5 })
  const messages = writer.write('tap', frame)
  t.ok(messages.length > 10 && messages.every(({ length }) => length <= 2000), `${messages.length} messages`)
  const heard = messages.map((message) => reader.read(message)!)
  t.same(sum(heard), { ...sum([frame]) })
  t.same(
    heard.flatMap(({ candidates }) => candidates.map(({ event }) => event.latencyMicros)),
    events.map(({ latencyMicros }) => latencyMicros),
  )
})

t.test('an event that is too long is lost, and told as lost at once', async (t) => {
  const { writer, reader } = setUp({ maxBytes: 1000 })
  const frame = frameOf([request({ path: `/${'x'.repeat(1000)}` }), request({ path: '/short' })], {
    matched: 1,
  })
  const heard = writer.write('tap', frame).map((message) => reader.read(message))
  t.same(sum(heard), { seen: 3, matched: 3, candidates: 1, lost: 1 })
  t.equal(heard.at(-1)?.candidates[0]?.event.path, '/short')
})

t.test("a publisher's frames before the first that is heard are not known to be lost", async (t) => {
  const { writer, reader } = setUp()
  writer.write('tap', frameOf([request()]))
  const [message] = writer.write('tap', frameOf([request()]))
  t.same(sum([reader.read(message!)]), { seen: 1, matched: 1, candidates: 1, lost: 0 })
})

t.test('taps, and publishers, are counted apart', async (t) => {
  const { writer, reader } = setUp()
  const other = new FrameWriter({ maxBytes: 1000, newName: () => 'other' })
  const heard: (TapFrame | undefined)[] = []
  for (let i = 0; i < 3; i++) {
    writer.write('another tap', frameOf([request()]))
    for (const from of [writer, other]) {
      heard.push(...from.write('tap', frameOf([request()])).map((message) => reader.read(message)))
    }
  }
  t.same(sum(heard), { seen: 6, matched: 6, candidates: 6, lost: 0 })
})

t.test('what is no frame is refused with a FrameError', async (t) => {
  const { writer } = setUp()
  const codec = new FrameCodec()
  const [whole] = writer.write(
    'tap',
    frameOf([request({ requestHeaders: [{ name: 'a', value: 'b' }] }), request()]),
  )
  const refused = (bytes: Uint8Array) => {
    try {
      codec.decode(bytes)
      return false
    } catch (error) {
      assert.ok(error instanceof FrameError, String(error))
      return true
    }
  }
  t.throws(() => codec.decode(Buffer.from('')), { message: 'the frame is empty' })
  t.throws(() => codec.decode(Buffer.from('\u0002')), { message: 'the frame is of format 2, not 1' })
  t.throws(() => codec.decode(Buffer.from('{"seen":1}')), FrameError)
  for (let length = 0; length < whole!.length; length++) refused(whole!.subarray(0, length))
  t.ok(refused(whole!.subarray(0, -1)))
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(whole!.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
      (damage) => {
        const bytes = Uint8Array.from(whole!)
        for (const [at, byte] of damage) bytes[at] = byte
        refused(bytes)
      },
    ),
    { seed: 3, numRuns: 3000 },
  )
  t.notOk(refused(whole!), 'and reads the next as before')
})
