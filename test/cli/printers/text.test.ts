import t from 'tap'
import { displayWidth, fitted, padEnd, padStart } from '../../../src/cli/printers/display-width.ts'
import { printable, printableJson } from '../../../src/cli/printers/printable.ts'
import { left, renderTables, right } from '../../../src/cli/printers/table.ts'

t.test('a text from outside cannot steer the terminal', async (t) => {
  const check = (text: string, want: string) => t.equal(printable(text), want)
  check('/api/vote?choice=:doughnut:', '/api/vote?choice=:doughnut:')
  check('/café/日本/🍩', '/café/日本/🍩')
  check('/a\u001b[2J', '/a\\x1b[2J')
  check('/a\nb\tc\r', '/a\\x0ab\\x09c\\x0d')
  check('/\u009b31m', '/\\x9b31m')
  check('/\u007f', '/\\x7f')
  check('/\u202ex', '/\\u202ex')
  check('/\u2066x', '/\\u2066x')
  check('/\ud800x', '/\\ud800x')
})

t.test('JSON has the same characters escaped, and the same meaning', async (t) => {
  const event = { path: '/a\u001b[2J\u009b\u202e\u007f"\\日本' }
  const json = printableJson(JSON.stringify(event))
  // oxlint-disable-next-line no-control-regex
  t.notMatch(json, /[\u0000-\u001f\u007f-\u009f\u202e]/)
  t.strictSame(JSON.parse(json), event)
})

t.test('widths are those of a terminal', async (t) => {
  const check = (text: string, want: number) => t.equal(displayWidth(text), want, JSON.stringify(text))
  check('', 0)
  check('web', 3)
  check('café', 4)
  check('cafe\u0301', 4)
  check('日本', 4)
  check('🍩', 2)
  check('→√µ±…', 5)
  check('한글', 4)
})

t.test('texts are cut to fit, and say so', async (t) => {
  const check = (text: string, columns: number, want: string) => t.equal(fitted(text, columns), want)
  check('/api/vote', 9, '/api/vote')
  check('/api/vote', 8, '/api/vo…')
  check('日本語', 5, '日本…')
  check('日本語', 4, '日…')
  check('abc', 1, '…')
  check('abc', 0, '')
  t.equal(padEnd('日', 4), '日  ')
  t.equal(padStart('日', 4), '  日')
  t.equal(padEnd('long', 2), 'long')
})

t.test('columns are as wide as their widest cell, names in all tables alike', async (t) => {
  const columns = [left<string[]>('NAME', ([name]) => name!), right<string[]>('RPS', ([, rps]) => rps!)]
  const tables = [
    { columns, rows: [['日本', '1.0rps']] },
    { columns, rows: [['a-long-name', '-']] },
  ]
  t.equal(
    renderTables(tables),
    `NAME             RPS
日本          1.0rps

NAME          RPS
a-long-name     -
`,
  )
})
