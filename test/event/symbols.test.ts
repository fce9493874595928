import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import t from 'tap'
import { DecodeError } from '../../src/event/decode-error.ts'
import { MAX_SYMBOL_BYTES, Symbols } from '../../src/event/symbols.ts'

const encoder = new TextEncoder()

/** Interns a text from the middle of a view into a larger buffer. */
function internText(symbols: Symbols, text: string): number {
  const bytes = encoder.encode(`before<${text}>`).subarray(6)
  return symbols.internBytes(bytes, 1, bytes.length - 1)
}

await t.test('equal strings have one id and their text, however they are given', async () => {
  const text = fc.oneof(fc.string({ maxLength: 9 }), fc.string({ unit: 'binary', maxLength: 30 }))
  fc.assert(
    fc.property(fc.array(fc.tuple(text, fc.boolean()), { maxLength: 200 }), (texts) => {
      const symbols = new Symbols()
      const ids = new Map<string, number>([['', 0]])
      for (const [text, asBytes] of texts) {
        const id = asBytes ? internText(symbols, text) : symbols.intern(text)
        assert.equal(ids.get(text) ?? id, id)
        ids.set(text, id)
        assert.equal(symbols.text(id), text)
        assert.deepEqual([...symbols.utf8(id)], [...encoder.encode(text)])
      }
      assert.equal(new Set(ids.values()).size, ids.size)
      assert.equal(symbols.size, ids.size)
    }),
    { seed: 12, numRuns: 200 },
  )
})

await t.test('ids stay as the table grows', async (t) => {
  const symbols = new Symbols()
  const ids = Array.from({ length: 20_000 }, (_, i) => internText(symbols, `/path/${i}`))
  t.same(
    ids,
    Array.from({ length: 20_000 }, (_, i) => i + 1),
  )
  t.equal(symbols.text(12_345), '/path/12344')
  t.equal(internText(symbols, '/path/19999'), 20_000)
  t.equal(symbols.size, 20_001)
})

await t.test('a byte order mark is a character like any other', async (t) => {
  const symbols = new Symbols()
  t.equal(symbols.text(internText(symbols, '\ufeffweb')), '\ufeffweb')
})

await t.test('long strings are cut between characters', async (t) => {
  const symbols = new Symbols()
  const id = internText(symbols, 'x'.repeat(MAX_SYMBOL_BYTES - 1) + 'é'.repeat(9))
  t.equal(symbols.text(id), 'x'.repeat(MAX_SYMBOL_BYTES - 1))
  t.equal(symbols.intern('x'.repeat(MAX_SYMBOL_BYTES - 1) + 'ü'), id)
  const noCharacters = new Uint8Array(MAX_SYMBOL_BYTES + 9).fill(0x80)
  t.equal(symbols.utf8(symbols.internBytes(noCharacters, 0, noCharacters.length)).length, MAX_SYMBOL_BYTES)
})

await t.test('lone surrogates are one replacement character each', async (t) => {
  const symbols = new Symbols()
  t.equal(symbols.intern('\ud800'), symbols.intern('\udc00'))
  t.equal(symbols.size, 2)
})

await t.test('strings made to collide are refused before they cost anything', async (t) => {
  const symbols = new Symbols()
  const start = symbols.intern('/api')
  const bytes = colliding(20_000)
  let refused = 0
  for (let at = 0; at < bytes.length; at += 8) {
    try {
      symbols.internBytes(bytes, at, at + 8)
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      t.match(error.fault, { reason: 'collisions', at: 'record' })
      refused++
      if (refused === 3) break
    }
  }
  t.equal(refused, 3)
  t.ok(symbols.crowded)
  t.equal(symbols.intern('/api'), start, 'those known are still found')
})

/** Strings of eight bytes of one hash: the second word takes back what the first did to it. */
function colliding(count: number): Uint8Array {
  const words = new Int32Array(count * 2)
  for (let i = 0; i < count; i++) {
    const first = 0x61616161 + i
    let hash = Math.imul(8 ^ first, 0x9e3779b1)
    hash ^= hash >>> 15
    words[2 * i] = first
    words[2 * i + 1] = hash ^ 0x61616161
  }
  return new Uint8Array(words.buffer)
}
