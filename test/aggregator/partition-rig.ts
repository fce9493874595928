import {
  type DeadLetter,
  PartitionProcessor,
  type ProcessorOptions,
} from '../../src/aggregator/partition-processor.ts'
import type { MeshEvent } from '../../src/event/event.ts'
import { encodeEventBatch } from '../../src/event/event-batch-encoder.ts'
import type { PartitionId, StoredRecord } from '../../src/log/event-log.ts'
import { RouteTemplates } from '../../src/rollup/route.ts'
import { DEFAULT_SERIES_LIMITS, Rollup } from '../../src/rollup/rollup.ts'
import { withoutPod } from '../../src/rollup/series.ts'
import { decodeStatBlock } from '../../src/rollup/stat-block-codec.ts'
import { type Tier, TIERS } from '../../src/rollup/tier.ts'
import { decodeTopBlock } from '../../src/rollup/top-block-codec.ts'
import { DEFAULT_TOP_LIMITS, TopRollup } from '../../src/rollup/top-rollup.ts'
import type { BlobAddress, RollupStore } from '../../src/store/rollup-store.ts'
import { MemoryRollupStore } from '../memory-rollup-store.ts'
import { columnsOf, plainBlock } from '../rollup/traffic.ts'

export const NOW = 1_763_978_460_000
export const FROM = NOW - 55_000

export function recordOf(
  events: readonly MeshEvent[],
  offset: number,
  numbered?: { producer: string; sequence: number },
) {
  const columns = columnsOf(events)
  if (numbered !== undefined) {
    columns.producer = numbered.producer
    columns.sequence = numbered.sequence
  }
  return {
    offset,
    timestampMs: NOW,
    value: encodeEventBatch(columns),
    headers: { 'content-type': 'application/x-protobuf; proto=meshtap.v1.EventBatch' },
  } satisfies StoredRecord
}

/** How the tests fold. */
export const FOLDING: Pick<ProcessorOptions, 'limits' | 'flows'> = {
  limits: { series: DEFAULT_SERIES_LIMITS, top: DEFAULT_TOP_LIMITS, rules: {} },
  flows: { routes: new RouteTemplates(), defaultCluster: 'east' },
}

export interface Worker {
  readonly store: MemoryRollupStore
  readonly letters: DeadLetter[]
  nowMs: number
  claim(partition: PartitionId): Promise<PartitionProcessor>
}

export function worker(nowMs = NOW): Worker {
  const letters: DeadLetter[] = []
  const self: Worker = {
    store: new MemoryRollupStore(() => self.nowMs),
    letters,
    nowMs,
    claim: (partition) =>
      PartitionProcessor.claim({
        partition,
        store: self.store,
        now: () => self.nowMs,
        ...FOLDING,
        setAside: async (_, set) => {
          letters.push(...set)
        },
      }),
  }
  return self
}

/** All that a reader finds of a tier, or of the totals: what is closed, and the open buckets added to it. */
export async function readAll(
  store: RollupStore,
  tier: Tier | 'total',
): Promise<Readonly<Record<string, unknown>>> {
  const buckets = new Map<number, { rollup: Rollup; top: TopRollup }>()
  const bucketAt = (startMs: number) => {
    const start = tier === 'total' ? 0 : Math.floor(startMs / tier.bucketMs) * tier.bucketMs
    const known = buckets.get(start) ?? { rollup: new Rollup(), top: new TopRollup() }
    buckets.set(start, known)
    return known
  }
  const options = {
    ...(tier === 'total' || tier.pods ? {} : { rename: withoutPod }),
    withoutExemplars: tier !== 'total' && !tier.exemplars,
  }
  for (const partition of await store.partitions()) {
    const snapshot = await store.read(partition, (meta) => {
      const addresses: BlobAddress[] = []
      const finest = (startMs: number) =>
        addresses.push({ kind: 'stat', tier: '10s', startMs }, { kind: 'top', tier: '10s', startMs })
      if (tier === 'total') addresses.push({ kind: 'total' })
      else {
        for (
          let startMs = Math.floor(FROM / tier.bucketMs) * tier.bucketMs;
          startMs <= NOW;
          startMs += tier.bucketMs
        ) {
          addresses.push(
            { kind: 'stat', tier: tier.name, startMs },
            { kind: 'top', tier: tier.name, startMs },
          )
        }
      }
      if (tier === 'total' || tier.name !== '10s') meta.openMs.forEach(finest)
      return addresses.map((address) => ({ address }))
    })
    for (const { address, scope, blob } of snapshot?.blobs ?? []) {
      const bucket = bucketAt(address.kind === 'total' ? 0 : address.startMs)
      if (address.kind === 'top') bucket.top.merge(scope, decodeTopBlock(blob))
      else bucket.rollup.merge(decodeStatBlock(blob), options)
    }
  }
  return Object.fromEntries(
    [...buckets]
      .toSorted(([a], [b]) => a - b)
      .map(([start, { rollup, top }]) => [
        start,
        rollup
          .scopes()
          .toSorted()
          .map((scope) => ({
            scope,
            stat: plainBlock(rollup.block(scope)).map((series) =>
              tier === 'total' ? withoutLast(series) : series,
            ),
            top: tier === 'total' ? undefined : top.block(scope),
          })),
      ]),
  )
}

/** Totals know when a series was last heard of, which depends on when that was. */
function withoutLast(series: unknown): unknown {
  const { sums, ...rest } = series as { sums: number[] }
  return { ...rest, sums: sums.toSpliced(4, 1) }
}

/** All that readers find, of every tier and of the totals. */
export async function readEverything(store: RollupStore): Promise<unknown> {
  return Promise.all(([...TIERS, 'total'] as const).map((tier) => readAll(store, tier)))
}

/** A request to one workload. */
export function requestAt(timeMs: number): MeshEvent {
  return {
    kind: 'request',
    timeMs,
    direction: 'inbound',
    destination: { namespace: 'emojivoto', name: 'web' },
    latencyMicros: 5,
    status: 200,
  }
}
