import { bucketStart, FINEST, PROXY_FORGOTTEN_MS, type Tier } from '../rollup/tier.ts'
import type { BlobRead, PartitionMeta } from '../store/rollup-store.ts'
import type { Window } from './window.ts'

/** What of a partition a query reads. */
export interface Wanted {
  readonly kind: 'stat' | 'top'
  /** Which scopes, by the names that blobs have. */
  readonly scopes: (scope: string) => boolean
}

/** When open connections and reporting pods still count: heard of since this. Epoch milliseconds. */
export function recentSince(window: Window): number {
  return window.toMs - PROXY_FORGOTTEN_MS
}

/** Whether what was read belongs to the window; else it is only recent. */
function isInWindow(window: Window, startMs: number): boolean {
  return startMs >= window.fromMs && startMs <= window.toMs
}

/**
 * The blobs to read of a partition in the state that `meta` is of.
 *
 * - The tier's buckets of the window. Those of a higher tier lack the 10 s buckets that are still open, so these are
 *   read too: of any event, either its open bucket or the tier's bucket is counted, never both.
 * - Of stat, the 10 s buckets of the last minute too, which alone tell what is open and who reports now.
 */
export function planReads(meta: PartitionMeta, window: Window, wanted: Wanted): BlobRead[] {
  const finest = new Set<number>()
  const higher: number[] = []
  const { tier, fromMs, toMs } = window
  if (tier.name === FINEST.name) {
    for (const startMs of starts(tier, fromMs, toMs)) finest.add(startMs)
  } else {
    higher.push(...starts(tier, fromMs, toMs))
    for (const startMs of meta.openMs) {
      if (isInWindow(window, startMs)) finest.add(startMs)
    }
  }
  if (wanted.kind === 'stat') {
    for (const startMs of starts(FINEST, recentSince(window), toMs)) finest.add(startMs)
  }
  const read = (tier: Tier, startMs: number): BlobRead => ({
    address: { kind: wanted.kind, tier: tier.name, startMs },
    wants: wanted.scopes,
  })
  return [
    ...higher.map((startMs) => read(tier, startMs)),
    ...[...finest].sort((a, b) => a - b).map((startMs) => read(FINEST, startMs)),
  ]
}

/** The running totals as of now: the stored ones, and the open buckets that are not in them yet. */
export function planTotals(meta: PartitionMeta, scopes: (scope: string) => boolean): BlobRead[] {
  return [
    { address: { kind: 'total' }, wants: scopes },
    ...meta.openMs.map((startMs): BlobRead => {
      return { address: { kind: 'stat', tier: FINEST.name, startMs }, wants: scopes }
    }),
  ]
}

/**
 * Whether a block of this tier counts in the window: in a higher tier's window, of the 10 s buckets only the open ones
 * do, the closed ones are in the tier's own already.
 */
export function countsInWindow(window: Window, meta: PartitionMeta, tier: string, startMs: number): boolean {
  if (!isInWindow(window, startMs)) return false
  return tier === window.tier.name || meta.openMs.includes(startMs)
}

function starts(tier: Tier, fromMs: number, toMs: number): number[] {
  const found: number[] = []
  for (let startMs = bucketStart(tier, fromMs); startMs <= toMs; startMs += tier.bucketMs) found.push(startMs)
  return found
}
