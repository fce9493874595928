import t from 'tap'
import { eventsOf } from '../../src/event/event-objects.ts'
import { decodeOtlpTraces } from '../../src/event/otlp-decoder.ts'
import { emptyColumns } from './columns.ts'
import { decoded, messageOf, SERVER } from './otlp-decoding.ts'
import { toProtobuf } from './otlp-reference.ts'

function reportedBy(resource: Readonly<Record<string, unknown>>): Uint8Array {
  return toProtobuf(messageOf(SERVER, { 'peer.service': 'bot' }, { resource }))
}

t.test('a resource means the same in every message, whatever was decoded before', (t) => {
  const resources = [
    { 'service.name': 'web', 'k8s.namespace.name': 'shop', 'os.type': 'linux' },
    { 'service.name': 'web', 'k8s.namespace.name': 'shop', 'os.type': 'linux', 'k8s.cluster.name': 'east' },
    { 'service.name': 'cart', 'service.instance.id': 'cart-1' },
    {},
  ]
  const messages = [...resources, ...resources].map(reportedBy)
  const columns = emptyColumns()
  for (const message of messages) decodeOtlpTraces(message, columns)
  const alone = messages.map(decoded)
  t.same(
    eventsOf(columns),
    alone.flatMap(({ events }) => events),
  )
  t.equal(
    columns.unknownFields,
    alone.reduce((sum, { unknownFields }) => sum + unknownFields, 0),
  )
  t.equal(columns.unknownFields, 4)
  t.end()
})

t.test('what a resource means is apart for each dictionary', (t) => {
  const message = reportedBy({ 'service.name': 'web' })
  const first = emptyColumns()
  const second = emptyColumns()
  second.dictionary.symbols.intern('shifts every symbol')
  second.dictionary.endpoint(1, 0, 0, 0, 0, 0, 0, 0, 0)
  for (const columns of [first, second, first]) decodeOtlpTraces(message, columns)
  const [event] = decoded(message).events
  t.same(eventsOf(first), [event, event])
  t.same(eventsOf(second), [event])
  t.end()
})

t.test('resources too long to be remembered are not taken for one another', (t) => {
  const filler = 'x'.repeat(5000)
  const web = reportedBy({ 'process.command_line': filler, 'service.name': 'web' })
  const cart = reportedBy({ 'process.command_line': filler, 'service.name': 'car' })
  const columns = emptyColumns()
  for (const message of [web, cart]) decodeOtlpTraces(message, columns)
  t.match(eventsOf(columns), [{ destination: { name: 'web' } }, { destination: { name: 'car' } }])
  t.end()
})

t.test('several resources of one ResourceSpans are one', (t) => {
  const resource = (key: string, value: string) => {
    const bytes = toProtobuf({
      resourceSpans: [{ resource: { attributes: [{ key, value: { stringValue: value } }] }, scopeSpans: [] }],
    })
    return bytes.subarray(2)
  }
  const spans = reportedBy({}).subarray(4)
  const inner = [...resource('service.name', 'web'), ...resource('service.namespace', 'shop'), ...spans]
  const merged = Uint8Array.of(0x0a, (inner.length & 0x7f) | 0x80, inner.length >> 7, ...inner)
  const columns = emptyColumns()
  decodeOtlpTraces(merged, columns)
  decodeOtlpTraces(reportedBy({ 'service.namespace': 'shop' }), columns)
  t.same(
    eventsOf(columns).map(({ destination }) => destination),
    [{ namespace: 'shop', kind: 'deployment', name: 'web', service: 'web' }, { namespace: 'shop' }],
    'and the last of them alone is not taken for all',
  )
  t.end()
})

t.test('more resources than are remembered are read all the same', (t) => {
  const columns = emptyColumns()
  const count = 10_050
  for (let i = 0; i < count; i++) {
    columns.clear()
    decodeOtlpTraces(reportedBy({ 'service.name': `web-${i}` }), columns)
  }
  t.match(eventsOf(columns), [{ destination: { name: `web-${count - 1}` } }])
  decodeOtlpTraces(reportedBy({ 'service.name': 'web-0' }), columns)
  t.match(eventsOf(columns)[1], { destination: { name: 'web-0' } })
  t.end()
})
