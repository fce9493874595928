import type { SeriesKey, Scope, Workload } from '../rollup/series.ts'
import { parseScope } from '../rollup/series.ts'
import type { TopBlock } from '../rollup/top-block.ts'
import type { PartitionId } from '../log/event-log.ts'
import type { PartitionMeta, RollupStore } from '../store/rollup-store.ts'

/**
 * Some namespaces, as the only ones that there are: answers are made of what their own proxies report, and whoever is
 * at the other end in another namespace is unknown, as if outside of the mesh.
 */
export interface View {
  /** The same for views that see the same. */
  readonly id: string
  readonly sees: (scope: Scope) => boolean
}

/** Scopes of which it is remembered whether they are seen. */
const MAX_REMEMBERED = 10_000

/** What a store is read by. */
export type ReadableStore = Pick<RollupStore, 'partitions' | 'read'>

/** Shows of a store only what a view sees: whatever is asked of it, other scopes are not even read. */
export function storeWithin(store: ReadableStore, { sees }: View): ReadableStore {
  const known = new Map<string, boolean>()
  const isSeen = (scope: string): boolean => {
    let answer = known.get(scope)
    if (answer === undefined) {
      answer = sees(parseScope(scope))
      if (known.size >= MAX_REMEMBERED) known.clear()
      known.set(scope, answer)
    }
    return answer
  }
  return {
    partitions: () => store.partitions(),
    read: (
      partition: PartitionId,
      plan: (meta: PartitionMeta) => ReturnType<Parameters<RollupStore['read']>[1]>,
    ) =>
      store.read(partition, (meta) =>
        plan(meta).map((read) => ({
          ...read,
          wants: (scope) => isSeen(scope) && (read.wants === undefined || read.wants(scope)),
        })),
      ),
  }
}

const UNKNOWN: Workload = { cluster: '', namespace: '', kind: '', name: '' }

/** The key as a view shows it. Its id stays: what is counted apart stays apart. */
export function keyWithin(key: SeriesKey, view: View): SeriesKey {
  if (isShown(key.peer, view)) return key
  // What is called is named by its service and authority too.
  if (key.direction === 'outbound') return { ...key, peer: UNKNOWN, service: '', authority: '' }
  return { ...key, peer: UNKNOWN }
}

/** The sketches as a view shows them. */
export function blockWithin({ sketches }: TopBlock, view: View): TopBlock {
  return {
    sketches: sketches.map((sketch) => {
      const shown = (workload: Workload) => (isShown(workload, view) ? workload : UNKNOWN)
      return sketch.direction === 'outbound'
        ? { ...sketch, destination: shown(sketch.destination) }
        : { ...sketch, entries: sketch.entries.map((entry) => ({ ...entry, source: shown(entry.source) })) }
    }),
  }
}

/** What is in no namespace is in nobody's. */
function isShown(workload: Workload, { sees }: View): boolean {
  return workload.namespace === '' || sees(workload)
}
