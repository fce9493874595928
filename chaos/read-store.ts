import type { PartitionId } from '../src/log/event-log.ts'
import { decodeStatBlock } from '../src/rollup/stat-block-codec.ts'
import type { BlobRead, PartitionMeta, RollupStore, TierName } from '../src/store/rollup-store.ts'
import type { StatBlock } from '../src/rollup/stat-block.ts'
import { type Cell, addCell, cellOf, type Cells, outcomeName } from './cell.ts'
import { seriesName } from './mesh.ts'

/** What the store says of everything that was counted. */
export interface StoreCounts {
  readonly totals: Cells
  readonly buckets: Readonly<Record<TierName, Map<number, Cells>>>
  /** By partition. */
  readonly metas: ReadonlyMap<string, PartitionMeta>
}

const BUCKET_MS: Readonly<Record<TierName, number>> = { '10s': 10_000, '1m': 60_000, '10m': 600_000 }

/**
 * Reads the totals and the buckets that begin at the given times, of all partitions, and adds to them the open buckets,
 * which nothing but themselves has: as every reader does (see ARCHITECTURE.md).
 */
export async function readStore(
  store: RollupStore,
  starts: Readonly<Record<TierName, readonly number[]>>,
): Promise<StoreCounts> {
  const totals: Cells = new Map()
  const buckets = { '10s': new Map(), '1m': new Map(), '10m': new Map() } as Record<
    TierName,
    Map<number, Cells>
  >
  const bucket = (tier: TierName, startMs: number): Cells => {
    let cells = buckets[tier].get(startMs)
    if (cells === undefined) buckets[tier].set(startMs, (cells = new Map()))
    return cells
  }
  const metas = new Map<string, PartitionMeta>()
  for (const partition of await store.partitions()) {
    const snapshot = await store.read(partition, (meta) => readsOf(meta, starts))
    if (snapshot === undefined) continue
    metas.set(partition, snapshot.meta)
    for (const { address, blob } of snapshot.blobs) {
      const block = decodeStatBlock(blob)
      if (address.kind === 'total') {
        addBlock(totals, block, true)
        continue
      }
      const { tier, startMs } = address
      addBlock(bucket(tier, startMs), block, tier !== '10m')
      if (tier !== '10s' || !snapshot.meta.openMs.includes(startMs)) continue
      for (const higher of ['1m', '10m'] as const) {
        const start = Math.floor(startMs / BUCKET_MS[higher]) * BUCKET_MS[higher]
        addBlock(bucket(higher, start), block, higher !== '10m')
      }
      addBlock(totals, block, true)
    }
  }
  return { totals, buckets, metas }
}

/** How far each partition is committed. */
export async function committedOffsets(store: RollupStore): Promise<ReadonlyMap<string, number>> {
  const offsets = new Map<string, number>()
  for (const partition of await store.partitions()) {
    const snapshot = await store.read(partition, () => [])
    if (snapshot !== undefined) offsets.set(partition satisfies PartitionId, snapshot.meta.offset)
  }
  return offsets
}

function readsOf(meta: PartitionMeta, starts: Readonly<Record<TierName, readonly number[]>>): BlobRead[] {
  const of = (tier: TierName, startMs: number): BlobRead => ({ address: { kind: 'stat', tier, startMs } })
  const finest = [...new Set([...starts['10s'], ...meta.openMs])]
  return [
    { address: { kind: 'total' } },
    ...finest.map((startMs) => of('10s', startMs)),
    ...starts['1m'].map((startMs) => of('1m', startMs)),
    ...starts['10m'].map((startMs) => of('10m', startMs)),
  ]
}

function addBlock(cells: Cells, block: StatBlock, hasPods: boolean): void {
  block.keys.forEach((key, row) => {
    const name = seriesName(hasPods ? key : { ...key, pod: '' })
    addCell(cellOf(cells, name), cellOfRow(block, row))
  })
}

function cellOfRow(block: StatBlock, row: number): Cell {
  const outcomes = new Map<string, number>()
  for (let i = block.outcomeStart[row]!; i < block.outcomeStart[row + 1]!; i++) {
    const { status, grpcStatus, classification, reason } = block.outcomes[block.outcomeIndex[i]!]!
    const name = outcomeName({
      status: status < 0 ? undefined : status,
      grpcStatus: grpcStatus < 0 ? undefined : grpcStatus,
      reason,
      isFailure: classification === 'failure',
    })
    outcomes.set(name, block.outcomeCount[i]!)
  }
  const latencies = new Map<number, number>()
  for (let i = block.latencyStart[row]!; i < block.latencyStart[row + 1]!; i++) {
    latencies.set(block.latencyIndex[i]!, block.latencyCount[i]!)
  }
  return {
    outcomes,
    latencies,
    sums: {
      latencyMicros: block.latencySumMicros[row]!,
      requestBytes: block.requestBytes[row]!,
      responseBytes: block.responseBytes[row]!,
      opened: block.opened[row]!,
      closed: block.closed[row]!,
      readBytes: block.readBytes[row]!,
      writtenBytes: block.writtenBytes[row]!,
    },
    firstMs: block.firstMs[row]!,
    lastMs: block.lastMs[row]!,
    open: block.open[row]!,
    openAtMs: block.openAtMs[row]!,
  }
}
