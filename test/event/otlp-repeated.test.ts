import t from 'tap'
import { Dictionary } from '../../src/event/dictionary.ts'
import type { RequestEvent } from '../../src/event/event.ts'
import { EventColumns } from '../../src/event/event-columns.ts'
import { eventsOf } from '../../src/event/event-objects.ts'
import { decodeOtlpTraces } from '../../src/event/otlp-decoder.ts'
import { messageOf, SERVER } from './otlp-decoding.ts'
import { attributesOf, toProtobuf } from './otlp-reference.ts'

/** What a decoder keeps of a span for the next one must not show. */

interface Shown {
  readonly status?: number
  readonly reset?: boolean
  readonly ip?: string
}

function messageOfAll(spans: readonly Shown[]): Uint8Array {
  const all = spans.map(({ status, reset, ip }) => {
    const attributes = {
      ...(status === undefined ? {} : { 'http.response.status_code': status }),
      ...(ip === undefined ? {} : { 'network.peer.address': ip }),
    }
    const message = messageOf(SERVER, attributes, { span: reset ? { status: { code: 2 } } : {} })
    return message.resourceSpans[0]!.scopeSpans[0]!.spans[0]!
  })
  return toProtobuf({ resourceSpans: [{ resource: { attributes: [] }, scopeSpans: [{ spans: all }] }] })
}

function shown(bytes: Uint8Array, dictionary: Dictionary): Shown[] {
  const columns = new EventColumns(dictionary)
  decodeOtlpTraces(bytes, columns)
  return (eventsOf(columns) as RequestEvent[]).map(({ status, reset, source }) => ({
    ...(status === undefined ? {} : { status }),
    ...(reset ? { reset } : {}),
    ...(source?.ip === undefined ? {} : { ip: source.ip }),
  }))
}

t.test('spans that end alike, and others between them, have the outcome of their own', async (t) => {
  const spans = [{ status: 200 }, { status: 200 }, { status: 503 }, {}, { reset: true }, {}, { status: 200 }]
  t.strictSame(shown(messageOfAll(spans), new Dictionary()), spans)
})

t.test('so have spans from more addresses than are kept', async (t) => {
  const spans = Array.from({ length: 500 }, (_, i) => ({ ip: `10.0.0.${(i * i) % 150}` }))
  t.strictSame(shown(messageOfAll(spans), new Dictionary()), spans)
})

t.test('nothing is kept from one dictionary for another', async (t) => {
  const spans = (first: number) => [{ status: first, ip: '10.0.0.1' }]
  const [one, other] = [new Dictionary(), new Dictionary()]
  // The other gives the same symbol to another address, and other ids to the same.
  shown(messageOfAll([{ status: 404, ip: '10.9.9.9' }]), other)
  for (const status of [200, 503]) {
    for (const dictionary of [one, other]) {
      t.strictSame(shown(messageOfAll(spans(status)), dictionary), spans(status))
    }
  }
})

t.test('whole numbers of any length are read, alone in their value or not', async (t) => {
  const sizes = [0, 1, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152, 2 ** 31, 2 ** 40]
  for (const size of sizes) {
    const bytes = toProtobuf(messageOf(SERVER, { 'http.request.body.size': size }))
    const columns = new EventColumns(new Dictionary())
    decodeOtlpTraces(bytes, columns)
    t.equal(columns.requestBytes[0], size)
  }
})

for (const [name, value, status] of [
  ['one that takes more bytes than it needs', [0x18, 0x85, 0x80, 0], 5],
  ['the last of two', [0x18, 5, 0x18, 7], 7],
  ['one with a text after it', [0x18, 5, 0x0a, 0], undefined],
] as const) {
  t.test(`a whole number may be ${name}`, async (t) => {
    const message = messageOf(SERVER, {})
    const span = message.resourceSpans[0]!.scopeSpans[0]!.spans[0]!
    const marked = { ...span, attributes: attributesOf({ 'http.response.status_code': 'cd' }) }
    const bytes = toProtobuf({
      resourceSpans: [{ resource: { attributes: [] }, scopeSpans: [{ spans: [marked] }] }],
    })
    // The text of two bytes is a value of four, and is exchanged for another.
    const at = Buffer.from(bytes).indexOf(Buffer.from([0x0a, 2, 0x63, 0x64]))
    t.ok(at > 0)
    bytes.set(value, at)
    t.equal(shown(bytes, new Dictionary())[0]!.status, status)
  })
}
