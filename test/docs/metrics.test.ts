import { readFileSync } from 'node:fs'
import t from 'tap'
import { OWN_FAMILIES } from '../../src/telemetry/own-families.ts'
import type { OwnFamily } from '../../src/telemetry/own-family.ts'
import { PROCESS_NAMES } from '../../src/telemetry/process-metrics.ts'

const text = readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8')

t.test('docs/metrics.md lists every family as the table has it, each once, and no other', async (t) => {
  const listed = text
    .split('\n')
    .filter((line) => line.startsWith('| `meshtap_'))
    .map((line) =>
      line
        .slice(1, -1)
        .split('|')
        .map((cell) => cell.trim()),
    )
    .sort(([a = ''], [b = '']) => (a < b ? -1 : 1))
  const rows = (OWN_FAMILIES as readonly OwnFamily[])
    .map(({ name, type, labels, roles, help }) => [
      `\`${name}\``,
      type,
      labels.map((label) => `\`${label}\``).join(', '),
      roles.length === 5 ? 'all' : roles.join(', '),
      help.replaceAll('__overflow__', '`__overflow__`'),
    ])
    .sort(([a = ''], [b = '']) => (a < b ? -1 : 1))
  t.strictSame(listed, rows)
})

t.test('it lists what is told of any process', async (t) => {
  const listed = [...text.matchAll(/`((?:process|nodejs)_[a-z_]+[a-z])`/g)].map(([, name]) => name!)
  t.strictSame(listed, PROCESS_NAMES)
})
