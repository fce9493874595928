import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import t from 'tap'
import { parseRfc3339 } from '../../src/event/rfc3339.ts'

function parsed(text: string): number {
  const bytes = new TextEncoder().encode(`"${text}"`)
  return parseRfc3339(bytes, 1, bytes.length - 1)
}

await t.test('any time reads as Date reads it', async () => {
  const date = fc.date({
    min: new Date('0001-01-01T00:00:00Z'),
    max: new Date('9999-12-31T23:59:59.999Z'),
    noInvalidDate: true,
  })
  fc.assert(
    fc.property(date, (date) => {
      assert.equal(parsed(date.toISOString()), date.getTime())
    }),
    { seed: 11, numRuns: 2000 },
  )
})

await t.test('every form that RFC 3339 has', async (t) => {
  const cases: readonly [string, string][] = [
    ['2026-11-24T10:00:00Z', '2026-11-24T10:00:00.000Z'],
    ['2026-11-24t10:00:00z', '2026-11-24T10:00:00.000Z'],
    ['2026-11-24 10:00:00Z', '2026-11-24T10:00:00.000Z'],
    ['2026-11-24T10:00:00.1Z', '2026-11-24T10:00:00.100Z'],
    ['2026-11-24T10:00:00.123999999Z', '2026-11-24T10:00:00.123Z'],
    ['2026-11-24T10:00:00+05:30', '2026-11-24T04:30:00.000Z'],
    ['2026-11-24T10:00:00.5-08:00', '2026-11-24T18:00:00.500Z'],
    ['2024-02-29T00:00:00Z', '2024-02-29T00:00:00.000Z'],
    ['2016-12-31T23:59:60Z', '2017-01-01T00:00:00.000Z'],
    ['2000-03-01T00:00:00Z', '2000-03-01T00:00:00.000Z'],
  ]
  for (const [text, want] of cases) t.equal(new Date(parsed(text)).toISOString(), want, text)
})

await t.test('what is no RFC 3339 time is none', async (t) => {
  const texts = [
    '',
    '2026-11-24',
    '2026-11-24T10:00:00',
    '2026-11-24T10:00Z',
    '2026-11-24T10:00:00.Z',
    '2026-11-24T10:00:00.123',
    '2026-11-24T10:00:00+0530',
    '2026-11-24T10:00:00+24:00',
    '2026-11-24T10:00:00Zx',
    '2026-13-24T10:00:00Z',
    '2026-00-24T10:00:00Z',
    '2026-11-31T10:00:00Z',
    '2025-02-29T00:00:00Z',
    '1900-02-29T00:00:00Z',
    '2026-11-24T24:00:00Z',
    '2026-11-24T10:60:00Z',
    '2026-11-24T10:00:61Z',
    '2026/11/24T10:00:00Z',
    '2026-11-24X10:00:00Z',
    '+026-11-24T10:00:00Z',
    'Tue, 24 Nov 2026 10:00:00 GMT',
  ]
  for (const text of texts) t.ok(Number.isNaN(parsed(text)), text)
})
