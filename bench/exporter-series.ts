import { bucketOf } from '../src/rollup/histogram.ts'
import { Rollup } from '../src/rollup/rollup.ts'
import { seriesKey } from '../src/rollup/series.ts'
import { encodeStatBlock } from '../src/rollup/stat-block-codec.ts'
import type { BlobWrite, RollupStore } from '../src/store/rollup-store.ts'
import { random } from '../test/random.ts'

export const NOW = 1_763_978_460_000

const NAMESPACES = 20
const PARTITIONS = 4
const REQUESTS = 40

export interface BenchSeries {
  readonly namespace: string
  readonly name: string
  readonly pod: string
  readonly latencies: readonly number[]
}

/** So many series with a histogram each, of 40 requests. */
export function* benchSeries(count: number): Generator<BenchSeries> {
  const next = random(4)
  for (let i = 0; i < count; i++) {
    const name = `service-${i >> 2}`
    const latencies = Array.from({ length: REQUESTS }, () => Math.round(Math.exp(7 + 4 * next())))
    yield { namespace: `team-${i % NAMESPACES}`, name, pod: `${name}-6bb59f98f5-${i}`, latencies }
  }
}

/** The same in a store: in totals, and of each tenth series some more in an open bucket. */
export async function fillStore(store: RollupStore, count: number): Promise<void> {
  const limits = { perScope: count, overall: count, scopes: NAMESPACES }
  const openMs = NOW - 10_000
  const totals = Array.from({ length: PARTITIONS }, () => new Rollup(limits))
  const open = Array.from({ length: PARTITIONS }, () => new Rollup(limits))
  let number = 0
  for (const { namespace, name, pod, latencies } of benchSeries(count)) {
    const partition = number % PARTITIONS
    const into = number++ % 10 === 0 ? [totals[partition]!, open[partition]!] : [totals[partition]!]
    const key = seriesKey({
      workload: { cluster: 'east', namespace, kind: 'deployment', name },
      pod,
      direction: 'inbound',
      peer: { cluster: 'east', namespace: 'edge', kind: 'deployment', name: 'gateway' },
      service: name,
      authority: `${name}.${namespace}.svc.cluster.local:8080`,
      route: '/api/list',
      method: 'GET',
      tls: true,
    })
    for (const rollup of into) {
      const slot = rollup.slot(key)
      const outcome = rollup.outcomes.index({
        status: 200,
        grpcStatus: -1,
        classification: 'success',
        reason: '',
      })
      for (const micros of latencies) rollup.addRequest(slot, outcome, bucketOf(micros), 1)
      const latencySumMicros = latencies.reduce((a, b) => a + b)
      rollup.addSums(slot, {
        latencySumMicros,
        requestBytes: 0,
        responseBytes: 0,
        firstMs: openMs,
        lastMs: NOW,
      })
    }
  }
  for (let p = 0; p < PARTITIONS; p++) {
    const partition = `mesh.requests-${p}` as const
    const { epoch } = await store.claim(partition)
    const writes = (rollup: Rollup, address: BlobWrite['address']) =>
      rollup.scopes().map((scope) => ({ address, scope, blob: encodeStatBlock(rollup.block(scope)) }))
    await store.commit({
      partition,
      epoch,
      expectedOffset: 0,
      meta: {
        offset: 1,
        watermarkMs: NOW,
        closedThroughMs: openMs,
        openMs: [openMs],
        producers: new Uint8Array(),
        counters: {},
      },
      writes: [
        ...writes(totals[p]!, { kind: 'total' }),
        ...writes(open[p]!, { kind: 'stat', tier: '10s', startMs: openMs }),
      ],
      expiries: [],
    })
  }
}
