import type { MeshEvent } from '../../src/event/event.ts'
import { partitionId } from '../../src/log/event-log.ts'
import type { PodCounts } from '../../src/query/pod-counts.ts'
import { QueryEngine } from '../../src/query/query-engine.ts'
import { type MergeOptions, Rollup, type SeriesLimits } from '../../src/rollup/rollup.ts'
import { withoutPod } from '../../src/rollup/series.ts'
import { encodeStatBlock } from '../../src/rollup/stat-block-codec.ts'
import { bucketStart, FINEST, TIERS } from '../../src/rollup/tier.ts'
import { encodeTopBlock } from '../../src/rollup/top-block-codec.ts'
import { TopRollup } from '../../src/rollup/top-rollup.ts'
import type { BlobAddress, BlobWrite } from '../../src/store/rollup-store.ts'
import { MemoryRollupStore } from '../memory-rollup-store.ts'
import { foldAll } from '../rollup/traffic.ts'

/** 2026-11-24T10:00:35.000Z, in the middle of a 10 s bucket. */
export const NOW = Date.UTC(2026, 10, 24, 10, 0, 35)

export interface WorldOptions {
  /** Which partition an event's proxy reports to. */
  readonly partitionOf?: (event: MeshEvent, index: number) => number
  /** 10 s buckets that end at or before this are closed. */
  readonly closedThroughMs?: number
  readonly watermarkMs?: number
  readonly nowMs?: number
  /** Of each 10 s bucket of a partition. */
  readonly limits?: SeriesLimits
}

/** A store that holds what an aggregator makes of events: laid out by DESIGN.md alone. */
export async function storeOf(
  events: readonly MeshEvent[],
  {
    partitionOf = () => 0,
    closedThroughMs = NOW - 20_000,
    watermarkMs = NOW,
    nowMs = NOW,
    limits,
  }: WorldOptions = {},
): Promise<MemoryRollupStore> {
  const store = new MemoryRollupStore(() => nowMs)
  const byPartition = new Map<number, MeshEvent[]>()
  events.forEach((event, i) => {
    const partition = partitionOf(event, i)
    byPartition.set(partition, [...(byPartition.get(partition) ?? []), event])
  })
  for (const [number, own] of byPartition) {
    const partition = partitionId('mesh.requests', number)
    const { epoch } = await store.claim(partition)
    const { writes, openMs } = layOut(own, closedThroughMs, limits)
    await store.commit({
      partition,
      epoch,
      expectedOffset: 0,
      meta: {
        offset: own.length,
        watermarkMs,
        closedThroughMs,
        openMs,
        producers: new Uint8Array(0),
        counters: {},
      },
      writes,
      expiries: writes.flatMap(({ address }) => {
        if (address.kind === 'total' || openMs.includes(address.startMs)) return []
        const tier = TIERS.find(({ name }) => name === address.tier)!
        return [{ address, expiresAtMs: address.startMs + tier.bucketMs + tier.retentionMs }]
      }),
    })
  }
  return store
}

/** An engine over one store, or over several by name. */
export function engineOf(
  stores: MemoryRollupStore | Readonly<Record<string, MemoryRollupStore>>,
  options: { readonly nowMs?: number; readonly cacheBytes?: number; readonly pods?: PodCounts } = {},
): QueryEngine {
  const { nowMs = NOW, cacheBytes, pods } = options
  const named = stores instanceof MemoryRollupStore ? { local: stores } : stores
  return new QueryEngine({
    stores: Object.entries(named).map(([name, store]) => ({ name, store })),
    now: () => nowMs,
    ...(cacheBytes === undefined ? {} : { cacheBytes }),
    ...(pods === undefined ? {} : { pods }),
  })
}

export async function engineOn(
  events: readonly MeshEvent[],
  options: WorldOptions = {},
): Promise<QueryEngine> {
  return engineOf(await storeOf(events, options), options.nowMs === undefined ? {} : { nowMs: options.nowMs })
}

function layOut(
  events: readonly MeshEvent[],
  closedThroughMs: number,
  limits: SeriesLimits | undefined,
): { readonly writes: BlobWrite[]; readonly openMs: number[] } {
  const finest = new Map<number, MeshEvent[]>()
  for (const event of events) {
    const start = bucketStart(FINEST, event.timeMs)
    finest.set(start, [...(finest.get(start) ?? []), event])
  }
  const held = new Map<string, { address: BlobAddress; stat: Rollup; top: TopRollup }>()
  const hold = (address: BlobAddress) => {
    const id = JSON.stringify(address)
    const known = held.get(id) ?? { address, stat: new Rollup(), top: new TopRollup() }
    held.set(id, known)
    return known
  }
  const openMs: number[] = []
  for (const [startMs, own] of finest) {
    const fold = foldAll(own, limits === undefined ? {} : { series: limits })
    const add = (address: BlobAddress, options: MergeOptions = {}) => {
      const { stat, top } = hold(address)
      for (const scope of fold.rollup.scopes()) stat.merge(fold.rollup.block(scope), options)
      for (const scope of fold.top.scopes()) top.merge(scope, fold.top.block(scope))
    }
    add({ kind: 'stat', tier: FINEST.name, startMs })
    if (startMs + FINEST.bucketMs > closedThroughMs) {
      openMs.push(startMs)
      continue
    }
    for (const tier of TIERS.slice(1)) {
      const address = { kind: 'stat', tier: tier.name, startMs: bucketStart(tier, startMs) } as const
      add(address, tier.pods ? {} : { rename: withoutPod })
    }
    add({ kind: 'total' })
  }
  const writes = [...held.values()].flatMap(({ address, stat, top }): BlobWrite[] => [
    ...stat.scopes().map((scope) => ({ address, scope, blob: encodeStatBlock(stat.block(scope)) })),
    ...(address.kind === 'total'
      ? []
      : top.scopes().map((scope) => ({
          address: { ...address, kind: 'top' as const },
          scope,
          blob: encodeTopBlock(top.block(scope)),
        }))),
  ])
  return { writes, openMs: openMs.toSorted((a, b) => a - b) }
}
