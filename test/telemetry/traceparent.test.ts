import fc from 'fast-check'
import t from 'tap'
import { formatTraceparent, parseTraceparent } from '../../src/telemetry/traceparent.ts'

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const SPAN = 'b7ad6b7169203331'
const context = (isSampled: boolean) => ({ traceId: TRACE, spanId: SPAN, isSampled })

t.test('a traceparent is read as the standard says', async (t) => {
  const table: readonly (readonly [string, object | undefined])[] = [
    [`00-${TRACE}-${SPAN}-01`, context(true)],
    [`00-${TRACE}-${SPAN}-00`, context(false)],
    [` 00-${TRACE}-${SPAN}-03 `, context(true)],
    [`00-${TRACE}-${SPAN}-02`, context(false)],
    [`cc-${TRACE}-${SPAN}-01`, context(true)],
    [`cc-${TRACE}-${SPAN}-01-what-comes-later`, context(true)],
    [`00-${TRACE}-${SPAN}-01-more`, undefined],
    [`cc-${TRACE}-${SPAN}-01more`, undefined],
    [`ff-${TRACE}-${SPAN}-01`, undefined],
    [`00-${'0'.repeat(32)}-${SPAN}-01`, undefined],
    [`00-${TRACE}-${'0'.repeat(16)}-01`, undefined],
    [`00-${TRACE.toUpperCase()}-${SPAN}-01`, undefined],
    [`00-${TRACE}-${SPAN}`, undefined],
    ['', undefined],
    ['a'.repeat(100_000), undefined],
  ]
  for (const [text, want] of table) t.strictSame(parseTraceparent(text), want, text.slice(0, 80))
})

t.test('what is written is read again', async () => {
  const id = (bytes: number) =>
    fc
      .uint8Array({ minLength: bytes, maxLength: bytes })
      .filter((id) => id.some((byte) => byte > 0))
      .map((id) => Buffer.from(id).toString('hex'))
  const contexts = fc.record({ traceId: id(16), spanId: id(8), isSampled: fc.boolean() })
  fc.assert(
    fc.property(contexts, (context) => {
      const read = parseTraceparent(formatTraceparent(context))
      return JSON.stringify(read) === JSON.stringify(context)
    }),
    { seed: 5 },
  )
})
