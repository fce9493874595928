import type { Workload } from '../rollup/series.ts'
import type { TopAnswer } from './answer.ts'
import { emptyReason } from './empty-reason.ts'
import { type Facet, isOverflow, type Label, labelId, workloadAt, workloadId } from './facet.ts'
import { overflowFaults } from './overflow.ts'
import type { TopRequest } from './requests.ts'
import { filterAt, groupKindOf, questionScopes } from './resource-question.ts'
import { answerBase, type RollupReader } from './rollup-reader.ts'
import type { Question } from './select.ts'
import { requestRows } from './series-rows.ts'
import { receivingSides } from './sides.ts'
import { requestFigures } from './tally.ts'
import { TopRows, topDirection } from './top-rows.ts'
import { workloadAnswer } from './workload-answer.ts'

interface CallLabel extends Label {
  readonly source: Workload
  readonly destination: Workload
  readonly cluster: string
  readonly method: string
  readonly route: string
}

const CALL: Facet<CallLabel> = {
  name: 'call',
  label: (key) => {
    if (isOverflow(key.workload)) return undefined
    const source = workloadAt(key, 'source')
    const destination = workloadAt(key, 'destination')
    const { method, route } = key
    const { cluster } = key.workload
    const id = labelId(key.direction, workloadId(source), workloadId(destination), method, route)
    return { id, source, destination, cluster, method, route }
  },
}

/** The busiest calls by route, each counted exactly. */
export async function topRoutes(reader: RollupReader, request: TopRequest): Promise<TopAnswer> {
  const { target, peer } = request
  const read = await reader.readStat({ span: request.window, scopes: questionScopes(target, peer) })
  const { rows: found, requests: slotOf } = requestRows(read, callQuestion(request))
  const { labels } = found
  const sums = reader.tally(JSON.stringify(['top', request]), read, slotOf, labels)
  const rows = new TopRows(request.limit)
  let total = 0
  for (let slot = 0; slot < labels.length; slot++) {
    const { success, rps, requests, latencyMs } = requestFigures(sums, slot, read.window.seconds)
    if (success === null || rps === null) continue
    total += requests
    const { source, destination, cluster, method, route } = labels[slot]!
    rows.add({
      cluster,
      source: workloadAnswer(source),
      destination: workloadAnswer(destination),
      method,
      path: route,
      count: requests,
      error: 0,
      rps,
      success,
      bestMs: null,
      worstMs: null,
      lastMs: null,
      latencyMs,
    })
  }
  const base = answerBase(read)
  return {
    ...base,
    partial: [...base.partial, ...overflowFaults(read)],
    rows: rows.take(),
    by: 'route',
    total,
    ...(rows.size > 0 ? {} : { empty: await emptyReason(reader, read, request) }),
  }
}

function callQuestion({ target, peer, method, path }: TopRequest): Question<CallLabel> {
  const direction = topDirection(peer)
  const accepts = (label: CallLabel) =>
    (method === undefined || label.method === method) && (path === undefined || label.route.startsWith(path))
  if (peer === undefined) {
    const filters = [filterAt('destination', target)]
    return { group: CALL, accepts, filters, ...receivingSides(groupKindOf(target)) }
  }
  const [source, destination] = peer.role === 'to' ? [target, peer.target] : [peer.target, target]
  const filters = [filterAt('source', source), filterAt('destination', destination)]
  return { group: CALL, accepts, filters, only: direction }
}
