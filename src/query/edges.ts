import type { EdgeRow, EdgesAnswer } from './answer.ts'
import { tallyConnections } from './connections.ts'
import { edgeQuestion } from './edge-question.ts'
import { edgeIdentities, securedByEither } from './edge-security.ts'
import { emptyReason } from './empty-reason.ts'
import { overflowFaults } from './overflow.ts'
import type { EdgesRequest } from './requests.ts'
import { answerBase, type RollupReader } from './rollup-reader.ts'
import { byTexts } from './row-order.ts'
import { seriesRows } from './series-rows.ts'
import { requestFigures } from './tally.ts'
import { ALL_SCOPES } from './target.ts'
import { workloadAnswer } from './workload-answer.ts'

const bySourceAndDestination = byTexts<EdgeRow>(
  ...(['source', 'destination'] as const).flatMap((end) =>
    (['cluster', 'namespace', 'kind', 'name'] as const).map((field) => (row: EdgeRow) => row[end][field]),
  ),
)

/** Who calls whom, workload by workload. */
export async function edges(reader: RollupReader, request: EdgesRequest): Promise<EdgesAnswer> {
  // Who calls a workload, and from where, is only known to its callers.
  const read = await reader.readStat({ span: request.window, scopes: ALL_SCOPES })
  const {
    rows: found,
    requests,
    connections,
  } = seriesRows(read, (present) => edgeQuestion(request, read.table, present))
  const { labels } = found
  const sums = reader.tally(JSON.stringify(['edges', request]), read, requests, labels)
  const { isReported, open } = await tallyConnections(reader, read, connections, labels.length)
  const { clients, servers } = edgeIdentities(read, found)
  const isUnknown = labels.some((_, slot) => sums.requests[slot]! > 0 && sums.tlsKnown[slot] === 0)
  const ofEither = isUnknown ? securedByEither(read, found) : []
  const rows: EdgeRow[] = []
  for (let slot = 0; slot < labels.length; slot++) {
    const hasOpen = !Number.isNaN(open[slot]!)
    if (sums.requests[slot] === 0 && isReported[slot] === 0 && !hasOpen) continue
    const { source, destination } = labels[slot]!
    rows.push({
      source: workloadAnswer(source),
      destination: workloadAnswer(destination),
      secured: sums.tlsKnown[slot] === 0 ? (ofEither[slot] ?? null) : sums.tls[slot]! / sums.tlsKnown[slot]!,
      clientIdentities: clients(slot),
      serverIdentities: servers(slot),
      ...requestFigures(sums, slot, read.window.seconds),
      tcpOpen: hasOpen ? open[slot]! : null,
    })
  }
  const base = answerBase(read)
  return {
    ...base,
    partial: [...base.partial, ...overflowFaults(read)],
    rows: rows.sort(bySourceAndDestination),
    ...(rows.length > 0 ? {} : { empty: await emptyReason(reader, read, request) }),
  }
}
