import t from 'tap'
import { RecordDecoder } from '../../src/aggregator/record-decoder.ts'
import { eventsOf } from '../../src/event/event-objects.ts'
import { decodeLines } from '../../src/mapping/mapping.ts'
import { parseMapping } from '../../src/mapping/parse-mapping.ts'
import { recordOf, requestAt } from './partition-rig.ts'

const MAPPING = parseMapping(
  'events:\n  - { direction: { value: inbound }, time: { field: t, unit: ms }, latency: ms, path: p }\n',
  'm.yaml',
)

const bare = (text: string) => ({
  offset: 0,
  timestampMs: 0,
  value: new TextEncoder().encode(text),
  headers: {},
})

t.test('records that do not say what they are are of their topic, the others what they say', async (t) => {
  const decoder = new RecordDecoder({
    defaultCluster: 'east',
    bareFormat: (bytes, columns) => decodeLines(MAPPING, bytes, columns),
  })
  t.strictSame(decoder.decode(bare('<14>edge: {"t":5,"ms":1,"p":"/a"}\n{"t":6,"ms":1,"p":"/b"}')), {
    kind: 'decoded',
  })
  t.match(eventsOf(decoder.columns), [
    { timeMs: 5, path: '/a' },
    { timeMs: 6, path: '/b' },
  ])
  t.strictSame(decoder.decode(recordOf([requestAt(7)], 0)), { kind: 'decoded' })
  t.match(eventsOf(decoder.columns), [{ timeMs: 7 }])
  t.match(decoder.decode(bare('{"t":5}')), {
    kind: 'malformed',
    fault: { reason: 'field-value', at: 'line 1, ms' },
  })
  t.equal(decoder.columns.requests, 0, 'of a malformed record nothing stays')
})

t.test('without a format of their topic they are JSON', async (t) => {
  const decoder = new RecordDecoder({ defaultCluster: 'east' })
  t.match(decoder.decode(bare('{"t":5,"ms":1}')), { kind: 'malformed', fault: { reason: 'field-missing' } })
})
