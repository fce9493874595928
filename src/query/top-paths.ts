import { OVERFLOW } from '../rollup/series.ts'
import type { TopEntry, TopSketchState } from '../rollup/top-block.ts'
import { mergeTopSketches } from '../rollup/top-sketch.ts'
import type { TopAnswer, TopRow } from './answer.ts'
import { emptyReason } from './empty-reason.ts'
import { workloadId } from './facet.ts'
import type { TopRequest } from './requests.ts'
import { answerBase, type RollupReader, type TopReads } from './rollup-reader.ts'
import type { SourceFault } from './sources.ts'
import { matchesWorkload, scopesOf } from './target.ts'
import { TopRows, topDirection } from './top-rows.ts'
import { workloadAnswer } from './workload-answer.ts'

/** Keys that are held of a destination while its sketches are merged: many times what each of them holds. */
const MERGE_CAPACITY = 4096

/** The busiest calls by path: counts are upper bounds, exact while the paths of a destination fit its sketches. */
export async function topPaths(reader: RollupReader, request: TopRequest): Promise<TopAnswer> {
  const read = await reader.readTop({ span: request.window, scopes: scopesOf(request.target) })
  const rows = new TopRows(request.limit)
  let total = 0
  for (const sketches of sketchesByDestination(read, request)) {
    const merged = mergeTopSketches(sketches, MERGE_CAPACITY)
    const wanted = merged.entries.filter((entry) => isWanted(entry, request))
    // What was forgotten is in the sketch's total. Where only some keys are wanted, nobody knows how much of it is.
    total += choosesEntries(request) ? wanted.reduce((sum, { count }) => sum + count, 0) : merged.total
    for (const entry of wanted) rows.add(rowOf(merged, entry, read.window.seconds))
  }
  const base = answerBase(read)
  return {
    ...base,
    partial: [...base.partial, ...overflowed(read, request)],
    rows: rows.take(),
    by: 'path',
    total,
    ...(rows.size > 0 ? {} : { empty: await emptyReason(reader, read, request) }),
  }
}

/** The sketches that may hold what is asked for, those of one destination together. */
function sketchesByDestination(
  { blocks }: TopReads,
  { target, peer }: TopRequest,
): Iterable<TopSketchState[]> {
  const direction = topDirection(peer)
  const destination = peer?.role === 'to' ? peer.target : target
  const byDestination = new Map<string, TopSketchState[]>()
  for (const { sketches } of blocks) {
    for (const sketch of sketches) {
      if (sketch.direction !== direction || !matchesWorkload(destination, sketch.destination)) continue
      const id = workloadId(sketch.destination)
      const known = byDestination.get(id)
      if (known === undefined) byDestination.set(id, [sketch])
      else known.push(sketch)
    }
  }
  return byDestination.values()
}

function isWanted(entry: TopEntry, { target, peer, method, path }: TopRequest): boolean {
  if (peer !== undefined) {
    const source = peer.role === 'to' ? target : peer.target
    if (!matchesWorkload(source, entry.source)) return false
  }
  return (
    (method === undefined || entry.method === method) && (path === undefined || entry.path.startsWith(path))
  )
}

function choosesEntries({ peer, method, path }: TopRequest): boolean {
  return peer !== undefined || method !== undefined || path !== undefined
}

function rowOf({ direction, destination }: TopSketchState, entry: TopEntry, seconds: number): TopRow {
  const { source, method, path, count, error, failures } = entry
  // Failures were counted only while the key was held, as were the requests beyond its error.
  const counted = count - error
  return {
    cluster: direction === 'inbound' ? destination.cluster : source.cluster,
    source: workloadAnswer(source),
    destination: workloadAnswer(destination),
    method,
    path,
    count,
    error,
    rps: count / seconds,
    success: (counted - failures) / counted,
    bestMs: entry.bestMicros / 1000,
    worstMs: entry.worstMicros / 1000,
    lastMs: entry.lastMicros / 1000,
    latencyMs: null,
  }
}

/** What rows lack because there were more destinations than a bucket keeps apart. */
function overflowed({ blocks }: TopReads, { target, peer }: TopRequest): SourceFault[] {
  const direction = topDirection(peer)
  let requests = 0
  for (const { sketches } of blocks) {
    for (const sketch of sketches) {
      if (sketch.direction !== direction || sketch.destination.name !== OVERFLOW) continue
      // Where everything is asked for, it has a row of its own.
      if (!matchesWorkload(peer?.role === 'to' ? peer.target : target, sketch.destination))
        requests += sketch.total
    }
  }
  if (requests === 0) return []
  const reason = `${requests} requests are to destinations beyond the limit of destinations: they are in no row`
  return [{ source: OVERFLOW, reason }]
}
