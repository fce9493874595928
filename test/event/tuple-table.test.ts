import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import t from 'tap'
import { TupleTable } from '../../src/event/tuple-table.ts'

const ARITY = 4

await t.test('equal tuples have one id, given one by one or by columns', async () => {
  const tuple = fc.array(fc.nat({ max: 3 }), { minLength: ARITY, maxLength: ARITY })
  fc.assert(
    fc.property(fc.array(tuple, { maxLength: 300 }), fc.nat({ max: ARITY - 1 }), (tuples, empty) => {
      for (const tuple of tuples) tuple[empty] = 0
      const table = new TupleTable(ARITY)
      const one = tuples.map((tuple) => table.intern(Int32Array.from(tuple)))
      for (const [i, id] of one.entries()) {
        assert.deepEqual(
          tuples[i],
          Array.from({ length: ARITY }, (_, place) => table.get(id, place)),
        )
      }
      const columns = Array.from({ length: ARITY }, (_, place) =>
        place === empty ? undefined : Int32Array.from(tuples, (tuple) => tuple[place]!),
      )
      const ids = new Int32Array(tuples.length + 1)
      const other = new TupleTable(ARITY)
      other.internColumns(columns, tuples.length, ids, 1)
      assert.deepEqual([...ids.subarray(1)], one)
      table.internColumns(columns, tuples.length, ids, 1)
      assert.deepEqual([...ids.subarray(1)], one)
      assert.equal(table.size, new Set([...tuples, [0, 0, 0, 0]].map(String)).size)
    }),
    { seed: 13, numRuns: 300 },
  )
})

await t.test('the tuple of zeros is id 0', async (t) => {
  const table = new TupleTable(ARITY)
  t.equal(table.intern(new Int32Array(ARITY)), 0)
  t.equal(table.size, 1)
})

await t.test('ids stay as the table grows', async (t) => {
  const table = new TupleTable(2)
  for (let i = 1; i <= 5000; i++) table.intern(Int32Array.of(i, i % 7))
  t.equal(table.intern(Int32Array.of(4321, 4321 % 7)), 4321)
  t.equal(table.get(4321, 0), 4321)
  t.equal(table.size, 5001)
})

await t.test('tuples made to collide are refused', async (t) => {
  const table = new TupleTable(2)
  // A multiple of one place's factor taken back by the other: both factors are odd, so it can be.
  const inverse = inverseOf(0x85ebca6b)
  const hostile = (i: number): Int32Array => Int32Array.of(i, -Math.imul(Math.imul(i, 0x9e3779b1), inverse))
  t.throws(
    () => {
      for (let i = 1; i < 5000; i++) table.intern(hostile(i))
    },
    { message: /fall into one place/ },
  )
  t.ok(table.crowded)
})

/** The inverse of an odd number modulo 2^32, by Newton's iteration. */
function inverseOf(odd: number): number {
  let inverse = odd
  for (let i = 0; i < 5; i++) inverse = Math.imul(inverse, 2 - Math.imul(odd, inverse))
  return inverse
}
