import fc from 'fast-check'
import t from 'tap'
import { formatPeer, parsePeer, PeerReader } from '../../src/proxy/peer-header.ts'

t.test('a peer reads as it was written', async (t) => {
  const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
  const fields = { cluster: text, namespace: text, kind: text, pod: text, service: text }
  const peers = fc.record({ name: text, ...fields }, { requiredKeys: ['name'] })
  fc.assert(
    fc.property(peers, (peer) => {
      const header = formatPeer(peer)
      t.match(header, /^[\x21-\x7e]+$/)
      t.same(parsePeer(header), peer)
    }),
    { seed: 7, numRuns: 200 },
  )
})

t.test('what is no peer reads as none', (t) => {
  for (const text of [
    '',
    'a',
    'a/b/c',
    '/////',
    'a/b/c//e/f',
    'a/b/c/%/e/f',
    'a/b/c/d/e/f/g',
    `a/b/c/${'d'.repeat(3000)}/e/f`,
  ]) {
    t.equal(parsePeer(text), undefined, text.slice(0, 20))
  }
  t.end()
})

t.test('a header given twice names nobody', (t) => {
  const reader = new PeerReader()
  t.equal(reader.read(['a/b/c/d/e/f', 'a/b/c/d/e/f']), undefined)
  t.equal(reader.read('a/b/c/d/e/f, a/b/c/d/e/f'), undefined)
  t.same(reader.read('a/b/c/d/e/f'), reader.read('a/b/c/d/e/f'))
  t.end()
})
