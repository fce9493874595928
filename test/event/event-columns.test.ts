import t from 'tap'
import type { EventColumns } from '../../src/event/event-columns.ts'
import { traceIdAt } from '../../src/event/event-objects.ts'
import { emptyColumns } from './columns.ts'

const TRACE = Uint8Array.from({ length: 16 }, (_, i) => i + 1)
const TRACE_ID = '0102030405060708090a0b0c0d0e0f10'

function add(columns: EventColumns, traced: boolean): void {
  const index = columns.addRequest(0, 0, 0, 0, 0, 0)
  if (traced) columns.setTrace(index, TRACE, 0)
}

function traces(columns: EventColumns): (string | undefined)[] {
  return Array.from({ length: columns.requests }, (_, i) => traceIdAt(columns, i))
}

await t.test('a request has its own trace id or none, whatever was there before', async (t) => {
  const columns = emptyColumns()
  for (let i = 0; i < 3; i++) add(columns, true)
  t.same(traces(columns), [TRACE_ID, TRACE_ID, TRACE_ID])
  columns.clear()
  for (const traced of [false, true, false]) add(columns, traced)
  t.same(traces(columns), [undefined, TRACE_ID, undefined])
  columns.clear()
  add(columns, false)
  t.notOk(columns.hasTraces)
  t.same(traces(columns), [undefined])
})

await t.test('columns grow and keep what they hold', async (t) => {
  const columns = emptyColumns()
  for (let i = 0; i < 1000; i++) {
    const index = columns.addRequest(i, 2 * i, 3 * i, 4 * i, 5 * i, 6 * i)
    if (i % 3 === 0) columns.setTrace(index, TRACE, 0)
    if (i % 7 === 0) columns.addHeader(index, 'response', i, i + 1)
    columns.addConnection(i, 1, 2, 3, 4, 5, 6 * i)
  }
  const at = 693
  t.same(
    [
      columns.flow,
      columns.outcome,
      columns.timeMs,
      columns.latencyMicros,
      columns.requestBytes,
      columns.responseBytes,
    ].map((column) => column[at]),
    [at, 2 * at, 3 * at, 4 * at, 5 * at, 6 * at],
  )
  t.equal(traceIdAt(columns, at), TRACE_ID)
  t.equal(traceIdAt(columns, at + 1), undefined)
  t.equal(columns.headerEvent[columns.firstHeader(at)], at)
  t.equal(columns.headerEvent[columns.firstHeader(at + 1)], at + 7)
  t.equal(columns.connectionWrittenBytes[at], 6 * at)
})
