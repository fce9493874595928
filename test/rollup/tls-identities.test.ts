import fc from 'fast-check'
import t from 'tap'
import { DecodeError } from '../../src/event/decode-error.ts'
import type { MeshEvent } from '../../src/event/event.ts'
import { ProtobufWriter } from '../../src/event/protobuf-writer.ts'
import { Rollup } from '../../src/rollup/rollup.ts'
import { withoutPod } from '../../src/rollup/series.ts'
import type { StatBlock } from '../../src/rollup/stat-block.ts'
import { decodeStatBlock, encodeStatBlock } from '../../src/rollup/stat-block-codec.ts'
import { CLIENT, IDENTITIES_AN_END, SERVER, TlsIdentities } from '../../src/rollup/tls-identities.ts'
import { foldAll } from './traffic.ts'

const ends = fc.constantFrom(CLIENT, SERVER)
const offers = fc.array(fc.tuple(fc.nat(3), ends, fc.constantFrom('', 'a', 'b', 'c', 'd', 'e', 'f', 'g')), {
  maxLength: 60,
})
const SLOTS = [0, 1, 2, 3]

function request(client: string, server: string, pod = 'web-1'): MeshEvent {
  return {
    kind: 'request',
    timeMs: 1000,
    direction: 'inbound',
    source: { name: 'bot', identity: client },
    destination: { namespace: 'shop', name: 'web', pod, identity: server },
    latencyMicros: 1,
  }
}

function blockOf(...events: readonly MeshEvent[]): StatBlock {
  return foldAll(events).rollup.block('east/shop')
}

function told({ identities: { row, end, identity } }: StatBlock): string[] {
  return identity.map((text, i) => `${row[i]} ${end[i] === CLIENT ? 'client' : 'server'} ${text}`)
}

t.test('of each end a slot keeps the first few of what it was offered, in whatever order', async (t) => {
  fc.assert(
    fc.property(offers, offers, (one, two) => {
      const kept = (list: typeof one) => {
        const identities = new TlsIdentities()
        for (const [slot, end, identity] of list) identities.offer(slot, end, identity)
        return identities.of(SLOTS)
      }
      const all = [...one, ...two]
      const want = SLOTS.flatMap((slot) =>
        [CLIENT, SERVER].flatMap((end) =>
          [
            ...new Set(
              all.filter(([s, e, text]) => s === slot && e === end && text !== '').map(([, , text]) => text),
            ),
          ]
            .sort()
            .slice(0, IDENTITIES_AN_END)
            .map((text) => [slot, end, text]),
        ),
      )
      for (const list of [all, all.toReversed(), [...two, ...one, ...two]]) {
        const { row, end, identity } = kept(list)
        t.strictSame(
          identity.map((text, i) => [row[i], end[i], text]),
          want,
        )
      }
      return t.passing()
    }),
    { seed: 41, numRuns: 200 },
  )
})

t.test('a series keeps who both ends were, through merges, blobs and the tier without pods', async (t) => {
  const block = blockOf(request('b', 's'), request('a', 's'), request('', ''), request('c', 't', 'web-2'))
  const want = ['0 client a', '0 client b', '0 server s', '1 client c', '1 server t']
  t.strictSame(told(block), want)
  t.strictSame(told(decodeStatBlock(encodeStatBlock(block))), want)
  const podless = new Rollup()
  podless.merge(block, { rename: withoutPod })
  podless.merge(block, { rename: withoutPod })
  t.strictSame(told(podless.block('east/shop')), [
    '0 client a',
    '0 client b',
    '0 client c',
    '0 server s',
    '0 server t',
  ])
})

t.test('a blob takes no byte for identities where there are none', async (t) => {
  const plain = encodeStatBlock(blockOf(request('', '')))
  const identified = encodeStatBlock(blockOf(request('me', '')))
  // A string of two letters, and three columns of one byte: each has a tag, of two bytes from 16 up, and a length.
  t.equal(identified.length - plain.length, 4 + 3 * 4)
  t.strictSame(told(decodeStatBlock(plain)), [])
})

t.test('damaged identities are refused with what is wrong', async (t) => {
  const plain = encodeStatBlock(blockOf(request('', '')))
  for (const [step, end, identity, message] of [
    [1, 0, 0, /row.*of identity 0 is 1, of 1/],
    [0, 2, 0, /row.*end 2/],
    [0, 0, 99, /string 99: is beyond the table/],
  ] as const) {
    const writer = new ProtobufWriter()
    writer.packed(16, Float64Array.of(step), 1)
    writer.packed(17, Float64Array.of(end), 1)
    writer.packed(18, Float64Array.of(identity), 1)
    const decode = () => decodeStatBlock(Buffer.concat([plain, writer.finish()]))
    t.throws(decode, { constructor: DecodeError, message })
  }
})
