import t from 'tap'
import { readYaml } from '../../src/document/read-yaml.ts'
import { ValueReader } from '../../src/document/value-reader.ts'

function read(text: string): unknown {
  return readYaml(text, 'f', new ValueReader(), (value) => value)
}

t.test('what is no single plain document is refused, and said with its line', async (t) => {
  for (const [text, message] of [
    ['a: 1\n---\nb: 2\n', /^f:2: is not YAML: .*multiple documents/],
    ['a: &x 1\nb: *x\n', 'f: aliases (*name) are not read: write out what they stand for'],
    ['a: &x [1]\nb: [*x, *x]\n', /^f: aliases/],
    ['%YAML 1.1\n---\na: &x {b: 1}\nc: {<<: *x}\n', /^f: aliases/],
    ['a: 1\na: 2\n', 'f:2: is not YAML: Map keys must be unique'],
    [`a: ${'x'.repeat(2 ** 20)}`, 'f: has 1048579 characters; at most 1048576 are read'],
  ] as const)
    t.throws(() => read(text), { name: 'RangeError', message }, text.slice(0, 20))
})

t.test('of many faults the first are told', async (t) => {
  try {
    read('['.repeat(20_000))
    t.fail('it is refused')
  } catch (error) {
    const lines = (error as Error).message.split('\n')
    t.equal(lines.length, 51)
    t.match(lines.at(-1), /^and \d+ more$/)
  }
})

t.test('a key named as what all objects have is a key like others', async (t) => {
  const value = read('__proto__: { a: 1 }\nb: 2\n') as Record<string, unknown>
  t.strictSame(Object.keys(value), ['__proto__', 'b'])
  t.equal(value['a'], undefined)
})
