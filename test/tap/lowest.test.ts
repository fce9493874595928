import assert from 'node:assert/strict'
import t from 'tap'
import fc from 'fast-check'
import { HeldBudget, Lowest } from '../../src/tap/lowest.ts'

const priorities = fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), { maxLength: 60 })

t.test('of too many, the lowest stay, and each of the others is answered once', async (t) => {
  fc.assert(
    fc.property(priorities, fc.integer({ min: 0, max: 20 }), (priorities, capacity) => {
      const lowest = new Lowest<{ priority: number }>(capacity)
      const out: number[] = []
      for (const priority of priorities) {
        const isAccepted = priority < lowest.bar
        const entry = { priority }
        const displaced = lowest.push(entry)
        assert.equal(isAccepted, displaced !== entry)
        if (displaced !== undefined) out.push(displaced.priority)
      }
      const sorted = priorities.toSorted((a, b) => a - b)
      assert.deepEqual(
        lowest.drain().map(({ priority }) => priority),
        sorted.slice(0, capacity),
      )
      assert.deepEqual(
        out.toSorted((a, b) => a - b),
        sorted.slice(capacity),
      )
      assert.equal(lowest.size, 0)
    }),
  )
  t.pass()
})

t.test('a budget is shared, and given back', async (t) => {
  const budget = new HeldBudget(3)
  const a = new Lowest<{ priority: number }>(10, budget)
  const b = new Lowest<{ priority: number }>(10, budget)
  for (const priority of [0.5, 0.4, 0.3]) t.equal(a.push({ priority }), undefined)
  t.equal(b.bar, 0)
  t.same(b.push({ priority: 0.1 }), { priority: 0.1 }, 'there is no room for anything')
  t.same(a.push({ priority: 0.1 }), { priority: 0.5 }, 'what is held gives way to lower ones')
  t.equal(budget.held, 3)
  t.equal(a.drain().length, 3)
  t.equal(budget.held, 0)
  t.equal(b.push({ priority: 0.1 }), undefined)
})
