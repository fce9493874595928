/**
 * stat over 1,000 workloads × 6 buckets × 8 partitions, from the embedded store: as it was asked before, after every
 * partition wrote its open bucket anew (as each does about once a second), and with nothing cached.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BucketFold } from '../src/rollup/bucket-fold.ts'
import { FlowTable } from '../src/rollup/flow-table.ts'
import { RouteTemplates } from '../src/rollup/route.ts'
import { Rollup } from '../src/rollup/rollup.ts'
import { encodeStatBlock } from '../src/rollup/stat-block-codec.ts'
import { TopRollup } from '../src/rollup/top-rollup.ts'
import { QueryEngine } from '../src/query/query-engine.ts'
import { parseStatRequest } from '../src/query/requests.ts'
import { EmbeddedRollupStore } from '../src/store/embedded/embedded-rollup-store.ts'
import type { BlobWrite } from '../src/store/rollup-store.ts'
import { quantile, report } from './figure.ts'
import { random } from '../test/random.ts'
import { Dictionary } from '../src/event/dictionary.ts'
import { EventColumns } from '../src/event/event-columns.ts'
import { addEvent } from '../src/event/event-objects.ts'

const WORKLOADS = 1000
const BUCKETS = 6
const PARTITIONS = 8
const REQUESTS_A_SERIES = 40
const NOW = 1_763_978_460_000

const path = mkdtempSync(join(tmpdir(), 'meshtap-bench-'))
const store = await EmbeddedRollupStore.open({ path, now: () => NOW })
const next = random(4)
const normal = () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next())

/** Writes each partition's newest bucket anew. */
const changes: ((turn: number) => Promise<unknown>)[] = []

for (let p = 0; p < PARTITIONS; p++) {
  const partition = `mesh.requests-${p}` as const
  const writes: BlobWrite[] = []
  // The newest bucket twice, with other latencies: what it is changed to and back.
  const others: BlobWrite[] = []
  for (let b = -1; b < BUCKETS; b++) {
    const startMs = NOW - (Math.max(0, b) + 1) * 10_000
    const columns = new EventColumns(new Dictionary())
    for (let w = 0; w < WORKLOADS; w++) {
      for (let i = 0; i < REQUESTS_A_SERIES; i++) {
        addEvent(columns, {
          kind: 'request',
          timeMs: startMs + i,
          direction: 'inbound',
          source: { namespace: 'edge', name: 'gateway' },
          destination: {
            namespace: `team-${w % 20}`,
            name: `service-${w}`,
            pod: `service-${w}-${p}`,
            service: `service-${w}`,
          },
          method: 'GET',
          path: '/api/list',
          status: next() < 0.01 ? 500 : 200,
          latencyMicros: Math.round(Math.exp(8 + normal())),
        })
      }
    }
    const flows = new FlowTable(columns.dictionary, { routes: new RouteTemplates(), defaultCluster: 'east' })
    const fold = new BucketFold(new Rollup(), new TopRollup())
    fold.foldRequests(columns, flows, 0, columns.requests)
    fold.drain()
    for (const scope of fold.rollup.scopes()) {
      const blob = encodeStatBlock(fold.rollup.block(scope))
      const into = b < 0 ? others : writes
      into.push({ address: { kind: 'stat', tier: '10s', startMs }, scope, blob })
    }
  }
  const { epoch } = await store.claim(partition)
  const newest = writes.slice(0, others.length)
  let offset = 0
  const commit = (blobs: readonly BlobWrite[]) =>
    store.commit({
      partition,
      epoch,
      expectedOffset: offset,
      meta: {
        offset: ++offset,
        watermarkMs: NOW,
        closedThroughMs: NOW,
        openMs: [],
        producers: new Uint8Array(),
        counters: {},
      },
      writes: blobs,
      expiries: [],
    })
  await commit(writes)
  changes.push((turn) => commit(turn % 2 === 0 ? others : newest))
}

const request = parseStatRequest({ resource: 'deploy', window: '1m' })

async function time(engine: QueryEngine): Promise<number> {
  const start = performance.now()
  const answer = await engine.stat(request)
  const took = performance.now() - start
  const requests = answer.rows.reduce((sum, row) => sum + row.requests, 0)
  if (answer.rows.length !== WORKLOADS || requests !== WORKLOADS * BUCKETS * PARTITIONS * REQUESTS_A_SERIES) {
    throw new Error(`${answer.rows.length} rows, ${requests} requests`)
  }
  return took
}

const engine = new QueryEngine({ stores: [{ name: 'east', store }], now: () => NOW })
for (let i = 0; i < 20; i++) await time(engine)
const warm: number[] = []
for (let i = 0; i < 300; i++) warm.push(await time(engine))
const changed: number[] = []
for (let i = 0; i < 100; i++) {
  for (const change of changes) await change(i)
  changed.push(await time(engine))
}
const cold: number[] = []
for (let i = 0; i < 10; i++) {
  cold.push(await time(new QueryEngine({ stores: [{ name: 'east', store }], now: () => NOW })))
}
const size = `stat: ${WORKLOADS} workloads × ${BUCKETS} buckets × ${PARTITIONS} partitions`
report({ figure: `${size}, p50`, value: quantile(warm, 0.5), unit: 'ms' })
report({ figure: `${size}, p99`, value: quantile(warm, 0.99), unit: 'ms', bar: '<= 20' })
report({
  figure: `${size}, a bucket of each partition changed, p50`,
  value: quantile(changed, 0.5),
  unit: 'ms',
})
report({ figure: `${size}, nothing cached, p50`, value: quantile(cold, 0.5), unit: 'ms' })
await store.close()
rmSync(path, { recursive: true })
