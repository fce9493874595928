/** Bytes a series takes: live in an open bucket, and stored. */
import { BucketFold } from '../src/rollup/bucket-fold.ts'
import { FlowTable } from '../src/rollup/flow-table.ts'
import { RouteTemplates } from '../src/rollup/route.ts'
import { Rollup } from '../src/rollup/rollup.ts'
import { encodeStatBlock } from '../src/rollup/stat-block-codec.ts'
import { encodeTopBlock } from '../src/rollup/top-block-codec.ts'
import { TopRollup } from '../src/rollup/top-rollup.ts'
import { report } from './figure.ts'
import { takeColumns, traffic } from './traffic.ts'

const SERIES = 10_000
const LIMITS = { perScope: 100_000, overall: 1_000_000, scopes: 1000 }

function heap(): number {
  globalThis.gc?.()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

for (const perSeries of [10, 100]) {
  const columns = takeColumns(
    traffic({ series: SERIES, seed: 2, startMs: 1_763_978_400_000 }),
    SERIES * perSeries,
  )
  const flows = new FlowTable(columns.dictionary, { routes: new RouteTemplates(), defaultCluster: 'east' })
  for (let flow = 0; flow < columns.dictionary.flowCount; flow++) flows.flow(flow)
  const before = heap()
  const fold = new BucketFold(new Rollup(LIMITS), new TopRollup())
  fold.foldRequests(columns, flows, 0, columns.requests)
  fold.drain()
  const live = heap() - before
  const series = fold.rollup.size
  const stat = fold.rollup.scopes().reduce((sum, s) => sum + encodeStatBlock(fold.rollup.block(s)).length, 0)
  const top = fold.top.scopes().reduce((sum, s) => sum + encodeTopBlock(fold.top.block(s)).length, 0)
  const load = `${perSeries} requests a series`
  report({ figure: `memory: live series in a bucket, ${load}`, value: live / series, unit: 'bytes' })
  report({ figure: `memory: stored series in a bucket, ${load}: stat`, value: stat / series, unit: 'bytes' })
  report({ figure: `memory: stored series in a bucket, ${load}: top`, value: top / series, unit: 'bytes' })
}
