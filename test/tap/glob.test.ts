import assert from 'node:assert/strict'
import t from 'tap'
import fc from 'fast-check'
import { compileGlob, isGlob, MAX_PATTERN } from '../../src/tap/glob.ts'

t.test('a pattern matches whole texts', async (t) => {
  const check = (pattern: string, matching: readonly string[], others: readonly string[]) => {
    const matches = compileGlob(pattern)
    for (const text of matching) t.ok(matches(text), `${pattern} matches ${text}`)
    for (const text of others) t.notOk(matches(text), `${pattern} does not match ${text}`)
  }
  check('/api/*', ['/api/', '/api/a/b'], ['/api', '/x/api/'])
  check('*/vote', ['/vote', '/api/vote', '/vote/vote'], ['/vote/', 'vote'])
  check('/a*c*e', ['/ace', '/abcde', '/aceeece'], ['/ac', '/aec', '/aced'])
  check('/users/?', ['/users/1', '/users/é', '/users/🍩'], ['/users/', '/users/12'])
  check('*', ['', '/', '/a/b'], [])
  check('**a**', ['a', 'xax'], ['', 'x'])
  check('?', ['a'], ['', 'ab'])
  check('', [''], ['a'])
  check('/a.b+(c)$', ['/a.b+(c)$'], ['/aXb+(c)$'])
})

t.test('only * and ? make a pattern', async (t) => {
  t.ok(isGlob('/a*'))
  t.ok(isGlob('/a?'))
  t.notOk(isGlob('/a[b]{c}.+'))
})

t.test('matching agrees with trying everything', async (t) => {
  const letters = fc.constantFrom('a', 'b')
  const text = fc.string({ unit: letters, maxLength: 70 })
  const pattern = fc.oneof(
    fc.string({ unit: fc.constantFrom('a', 'b', '*', '?'), maxLength: 8 }),
    // Longer than a word, or than two.
    fc.string({ unit: fc.constantFrom('a', '*', '?', '?', '?'), minLength: 25, maxLength: 80 }),
  )
  fc.assert(
    fc.property(pattern, text, (pattern, text) => {
      assert.equal(compileGlob(pattern)(text), matchesByTable(pattern, text))
    }),
    { numRuns: 2000 },
  )
  t.pass()
})

t.test('a long text against the worst pattern takes a time that does not grow with both', async (t) => {
  const matches = compileGlob('*a'.repeat(MAX_PATTERN / 2 - 1) + '*b')
  const start = performance.now()
  t.notOk(matches('a'.repeat(100_000)))
  // Backtracking would not end.
  t.ok(performance.now() - start < 5000)
})

/** Whether each beginning of the pattern matches each beginning of the text. */
function matchesByTable(pattern: string, text: string): boolean {
  let row = Array.from({ length: text.length + 1 }, (_, i) => i === 0)
  for (const token of pattern) {
    const next = row.map(() => false)
    for (let i = 0; i <= text.length; i++) {
      if (token === '*') next[i] = row[i]! || (i > 0 && next[i - 1]!)
      else if (i > 0) next[i] = row[i - 1]! && (token === '?' || token === text[i - 1])
    }
    row = next
  }
  return row[text.length]!
}
