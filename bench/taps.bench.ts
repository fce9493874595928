/** What taps cost the fold: rounds with and without them in turn, so that noise falls on both. */
import { decode } from '../src/event/decode.ts'
import { CONTENT_TYPES } from '../src/event/content-type.ts'
import { Dictionary } from '../src/event/dictionary.ts'
import { encodeEventBatch } from '../src/event/event-batch-encoder.ts'
import { EventColumns } from '../src/event/event-columns.ts'
import { BucketFold } from '../src/rollup/bucket-fold.ts'
import { FlowTable } from '../src/rollup/flow-table.ts'
import { RouteTemplates } from '../src/rollup/route.ts'
import { Rollup } from '../src/rollup/rollup.ts'
import { TopRollup } from '../src/rollup/top-rollup.ts'
import { parseTapQuery } from '../src/tap/parse-tap-query.ts'
import { TapMatcher } from '../src/tap/tap-matcher.ts'
import { report } from './figure.ts'
import { takeColumns, traffic } from './traffic.ts'

const TAPS = 1000
const PAIRS = 15
const ROUND_MS = 150

const source = traffic({ series: 1000, seed: 3, startMs: 1_763_978_400_000 })
const records = Array.from({ length: 24 }, () => encodeEventBatch(takeColumns(source, 4096)))
const options = { routes: new RouteTemplates(), defaultCluster: 'east' }

/** A third each on workloads that are not there, paths that are not asked for, and statuses that do not come. */
const queries: readonly Readonly<Record<string, string>>[] = Array.from({ length: TAPS }, (_, i) => {
  const workload = { resource: `deploy/service-${i % 100}`, namespace: `team-${(i % 100) % 20}` }
  if (i % 3 === 0) return { resource: `deploy/absent-${i}`, namespace: `team-${i % 20}` }
  return i % 3 === 1 ? { ...workload, path: `/absent-${i}` } : { ...workload, status: '418' }
})

function worker(taps: number) {
  const columns = new EventColumns(new Dictionary())
  const flows = new FlowTable(columns.dictionary, options)
  const fold = new BucketFold(new Rollup(), new TopRollup())
  const matcher = new TapMatcher({ flows: options })
  matcher.setTaps(
    queries.slice(0, taps).map((query, i) => ({ id: String(i), query: parseTapQuery(query), startMs: 0 })),
  )
  let next = 0
  let matched = 0
  /** Events a second over one round. */
  return (): number => {
    const start = performance.now()
    let events = 0
    while (performance.now() - start < ROUND_MS) {
      decode(CONTENT_TYPES.eventBatch, records[next]!, columns)
      matcher.match(columns, () => matched++)
      fold.foldRequests(columns, flows, 0, columns.requests)
      next = (next + 1) % records.length
      events += columns.requests
    }
    fold.drain()
    if (matched > 0) throw new Error(`${matched} events matched`)
    return (events / (performance.now() - start)) * 1000
  }
}

const without = worker(0)
const withTaps = worker(TAPS)
without()
withTaps()
const ratios = Array.from({ length: PAIRS }, (_, i) => {
  // Which goes first alternates.
  const first = i % 2 === 0 ? without() : withTaps()
  const second = i % 2 === 0 ? withTaps() : without()
  return i % 2 === 0 ? first / second : second / first
})
ratios.sort((a, b) => a - b)
report({
  figure: `taps: fold with ${TAPS} taps of which none matches, slower by (median of ${PAIRS} pairs)`,
  value: (ratios[Math.floor(PAIRS / 2)]! - 1) * 100,
  unit: '%',
  bar: '<= 10',
})
