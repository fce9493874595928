import fc from 'fast-check'
import t from 'tap'
import { Dictionary } from '../../src/event/dictionary.ts'
import type { MeshEvent } from '../../src/event/event.ts'
import { EventColumns } from '../../src/event/event-columns.ts'
import { addEvent } from '../../src/event/event-objects.ts'
import { BucketFold } from '../../src/rollup/bucket-fold.ts'
import { FlowTable } from '../../src/rollup/flow-table.ts'
import { Rollup } from '../../src/rollup/rollup.ts'
import { RouteTemplates } from '../../src/rollup/route.ts'
import { TopRollup } from '../../src/rollup/top-rollup.ts'
import { foldAll, plainFold, trafficEvents } from './traffic.ts'

const OPTIONS = { routes: new RouteTemplates(), defaultCluster: 'east' }

function add(columns: EventColumns, events: readonly MeshEvent[]): EventColumns {
  columns.clear()
  for (const event of events) addEvent(columns, event)
  return columns
}

/** A dictionary with flows of other traffic. */
function dictionaryWith(flows: number): Dictionary {
  const columns = new EventColumns(new Dictionary())
  const event = { kind: 'request', timeMs: 0, direction: 'inbound', latencyMicros: 1 } as const
  add(
    columns,
    Array.from({ length: flows }, (_, i) => ({ ...event, destination: { name: `other-${i}` } })),
  )
  return columns.dictionary
}

t.test('a fold gives the same whether it has arrays for all flows or none yet', async (t) => {
  const events = trafficEvents({ fromMs: 1_763_978_400_000, toMs: 1_763_978_409_999 })
  fc.assert(
    fc.property(
      fc.array(fc.array(events, { minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 12 }),
      // From more flows than rows to fewer: the arrays are there from the first row, from some row on, or never.
      fc.constantFrom(0, 40, 200, 5000),
      fc.nat(12),
      fc.nat(12),
      (batches, others, renewed, drained) => {
        const fold = new BucketFold(new Rollup(), new TopRollup())
        let columns = new EventColumns(dictionaryWith(others))
        let flows = new FlowTable(columns.dictionary, OPTIONS)
        for (const [i, batch] of batches.entries()) {
          if (i === renewed) {
            columns = new EventColumns(dictionaryWith(others))
            flows = new FlowTable(columns.dictionary, OPTIONS)
          }
          if (i === drained) fold.drain()
          add(columns, batch)
          for (let at = 0; at < columns.requests; at++) fold.foldRequests(columns, flows, at, at + 1)
          for (let at = 0; at < columns.connections; at++) fold.foldConnection(columns, flows, at)
        }
        fold.drain()
        t.strictSame(plainFold(fold), plainFold(foldAll(batches.flat())))
        return t.passing()
      },
    ),
    { seed: 61, numRuns: 150 },
  )
})

t.test('a fold that sees few of many flows takes no memory for the others', async (t) => {
  const columns = new EventColumns(dictionaryWith(50_000))
  const flows = new FlowTable(columns.dictionary, OPTIONS)
  add(columns, [
    { kind: 'request', timeMs: 0, direction: 'inbound', destination: { name: 'web' }, latencyMicros: 1 },
  ])
  const before = process.memoryUsage().arrayBuffers
  const folds = Array.from({ length: 200 }, () => new BucketFold(new Rollup(), new TopRollup()))
  for (const fold of folds) fold.foldRequests(columns, flows, 0, 1)
  const each = (process.memoryUsage().arrayBuffers - before) / folds.length
  t.ok(each < 100_000, `${each} bytes each`)
})
