import t from 'tap'
import { AttributeValues, FLAG, NONE, NUMBER, presenceMask, TEXT } from '../../src/event/otlp-attributes.ts'
import { RESOURCE_KEYS, SPAN_KEYS } from '../../src/event/otlp-conventions.ts'

function find(values: AttributeValues, key: string): number {
  const bytes = new TextEncoder().encode(`<<${key}>>`)
  return values.find(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), 2, bytes.length - 2)
}

for (const [name, fields] of [
  ['a span', SPAN_KEYS],
  ['a resource', RESOURCE_KEYS],
] as const) {
  const keys: readonly string[] = Object.values(fields).flat()

  t.test(`every key of ${name} is found, and by bytes as by text`, (t) => {
    const values = new AttributeValues(fields)
    for (const [index, key] of keys.entries()) {
      t.equal(find(values, key), index, key)
      t.equal(values.findText(key), index, key)
    }
    t.end()
  })

  t.test(`what differs from a key of ${name} in any byte is not found`, (t) => {
    const values = new AttributeValues(fields)
    const known = new Set(keys)
    const others = keys.flatMap((key) => [
      `${key}x`,
      `x${key}`,
      key.slice(1),
      key.slice(0, -1),
      ...Array.from(key, (_, i) => `${key.slice(0, i)}~${key.slice(i + 1)}`),
    ])
    const found = others.filter((other) => !known.has(other) && find(values, other) !== -1)
    t.same(found, [])
    t.end()
  })
}

t.test('keys too short for any are not found', (t) => {
  const values = new AttributeValues(SPAN_KEYS)
  for (const key of ['', 'a', 'err']) t.equal(find(values, key), -1)
  t.end()
})

t.test('the best key of a field counts, whatever the order, and the last of the same', (t) => {
  const values = new AttributeValues({ size: ['new', 'old', 'oldest'].map((age) => `${age}.size`) })
  const [best, second, third] = [0, 1, 2]
  const take = (keys: readonly number[]) => {
    values.clear()
    keys.forEach((key, place) => values.setText(key, place, place))
    return values.starts[0]
  }
  t.equal(take([third, second, best]), 2)
  t.equal(take([best, second, third]), 0)
  t.equal(take([second, third]), 0)
  t.equal(take([third]), 0, 'nothing is left of the span before')
  t.equal(take([best, best]), 1)
  t.end()
})

t.test('a value has a kind, and none once cleared', (t) => {
  const values = new AttributeValues({ one: ['one.key'], two: ['two.key'] })
  values.setText(0, 3, 7)
  t.same([values.kind(0), values.starts[0], values.ends[0], values.kind(1)], [TEXT, 3, 7, NONE])
  values.setNumber(1, FLAG, 1)
  t.same([values.kind(1), values.numbers[1]], [FLAG, 1])
  values.setNumber(0, NUMBER, 2 ** 53 - 1)
  t.same([values.kind(0), values.numbers[0]], [NUMBER, 2 ** 53 - 1])
  values.clear()
  for (const number of [-1, 1.5, Number.NaN, 2 ** 53]) values.setNumber(0, NUMBER, number)
  t.same([values.kind(0), values.kind(1)], [NONE, NONE])
  t.end()
})

t.test('presence is a bit, and bits of one word make a mask', (t) => {
  const values = new AttributeValues(
    Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`f${i}`, [`key.${i}`]])),
  )
  values.setText(3, 0, 0)
  values.setText(35, 0, 0)
  t.equal(values.common, presenceMask(3))
  t.equal(values.rare, presenceMask(35))
  t.equal(presenceMask(0, 3), 0b1001)
  t.throws(() => presenceMask(3, 35), /BUG/)
  t.end()
})

t.test('a table that cannot work is refused', (t) => {
  t.throws(() => new AttributeValues({ a: ['abc'] }), /BUG: abc is too short or long/)
  t.throws(() => new AttributeValues({ a: ['x'.repeat(33)] }), /BUG/)
  t.throws(
    () => new AttributeValues(Object.fromEntries(Array.from({ length: 65 }, (_, i) => [i, []]))),
    /BUG/,
  )
  t.throws(() => new AttributeValues({ a: ['same.key'], b: ['same.key'] }), /BUG: two attribute keys/)
  t.end()
})
