import fc from 'fast-check'
import type { MeshEvent } from '../../src/event/event.ts'
import { Dictionary } from '../../src/event/dictionary.ts'
import { EventColumns } from '../../src/event/event-columns.ts'
import { addEvent } from '../../src/event/event-objects.ts'
import { BucketFold } from '../../src/rollup/bucket-fold.ts'
import { FlowTable } from '../../src/rollup/flow-table.ts'
import { RouteTemplates } from '../../src/rollup/route.ts'
import { DEFAULT_SERIES_LIMITS, Rollup, type SeriesLimits } from '../../src/rollup/rollup.ts'
import type { StatBlock } from '../../src/rollup/stat-block.ts'
import { DEFAULT_TOP_LIMITS, type TopLimits, TopRollup } from '../../src/rollup/top-rollup.ts'

const name = fc.constantFrom('web', 'voting', 'emoji')

/** Few, so that equally slow requests have the same and others. */
const trace = fc.constantFrom('00000000000000000000000000000001', '0af7651916cd43dd8448eb211c80319c')

/** Traffic of a few workloads: small enough that series collide, wide enough that every field matters. */
export function trafficEvents(times: {
  readonly fromMs: number
  readonly toMs: number
}): fc.Arbitrary<MeshEvent> {
  const endpoint = fc.record({
    namespace: fc.constantFrom('emojivoto', 'boutique'),
    name,
    pod: fc.constantFrom('a-1', 'a-2'),
    service: name,
    // More than a series keeps of an end.
    identity: fc.constantFrom('', 'a', 'b', 'c', 'd', 'e', 'f'),
  })
  const timeMs = fc.integer({ min: times.fromMs, max: times.toMs })
  const direction = fc.constantFrom('inbound' as const, 'outbound' as const)
  const request = fc.record({
    kind: fc.constant('request' as const),
    timeMs,
    direction,
    source: endpoint,
    destination: endpoint,
    method: fc.constantFrom('GET', 'POST'),
    path: fc.constantFrom('/', '/api/list', '/users/1', '/users/2?x=1', '/users/3'),
    status: fc.constantFrom(200, 404, 500, 503),
    latencyMicros: fc.oneof(fc.integer({ min: 0, max: 100 }), fc.integer({ min: 0, max: 10_000_000 })),
    requestBytes: fc.nat(10_000),
    responseBytes: fc.nat(10_000),
  })
  const traced = fc
    .tuple(request, fc.option(trace))
    .map(([event, traceId]) => (traceId === null ? event : { ...event, traceId }))
  const connection = fc.record({
    kind: fc.constant('connection' as const),
    timeMs,
    direction,
    source: endpoint,
    destination: endpoint,
    open: fc.nat(20),
    opened: fc.nat(5),
    closed: fc.nat(5),
    readBytes: fc.nat(10_000),
    writtenBytes: fc.nat(10_000),
  })
  return fc.oneof({ weight: 8, arbitrary: traced }, { weight: 1, arbitrary: connection })
}

export function columnsOf(events: readonly MeshEvent[]): EventColumns {
  const columns = new EventColumns(new Dictionary())
  for (const event of events) addEvent(columns, event)
  return columns
}

/** Folds events, whatever their times, into one bucket. */
export function foldAll(
  events: readonly MeshEvent[],
  limits: { readonly series?: SeriesLimits; readonly top?: TopLimits } = {},
): BucketFold {
  const fold = new BucketFold(
    new Rollup(limits.series ?? DEFAULT_SERIES_LIMITS),
    new TopRollup(limits.top ?? DEFAULT_TOP_LIMITS),
  )
  const columns = columnsOf(events)
  const flows = new FlowTable(columns.dictionary, { routes: new RouteTemplates(), defaultCluster: 'east' })
  fold.foldRequests(columns, flows, 0, columns.requests)
  for (let i = 0; i < columns.connections; i++) fold.foldConnection(columns, flows, i)
  fold.drain()
  return fold
}

/** A block as plain objects that do not depend on the order in which anything came. */
export function plainBlock(block: StatBlock): unknown[] {
  const exemplars = exemplarsOf(block)
  return block.keys.map((key, row) => ({
    id: key.id,
    outcomes: Array.from({ length: block.outcomeStart[row + 1]! - block.outcomeStart[row]! }, (_, i) => {
      const at = block.outcomeStart[row]! + i
      return `${JSON.stringify(block.outcomes[block.outcomeIndex[at]!])} ${block.outcomeCount[at]}`
    }).toSorted(),
    latencies: Array.from(
      { length: block.latencyStart[row + 1]! - block.latencyStart[row]! },
      (_, i) =>
        `${block.latencyIndex[block.latencyStart[row]! + i]} ${block.latencyCount[block.latencyStart[row]! + i]}`,
    ),
    exemplar: exemplars.get(row),
    identities: identitiesOf(block, row),
    sums: [
      block.latencySumMicros,
      block.requestBytes,
      block.responseBytes,
      block.firstMs,
      block.lastMs,
      block.opened,
      block.closed,
      block.open,
      block.openAtMs,
      block.readBytes,
      block.writtenBytes,
    ].map((column) => column[row]),
  }))
}

/** `<end> <identity>` of a row. */
function identitiesOf({ identities: { row, end, identity } }: StatBlock, of: number): string[] {
  return identity.map((text, i) => `${end[i]} ${text}`).filter((_, i) => row[i] === of)
}

export interface Exemplar {
  readonly latencyMicros: number
  readonly timeMs: number
  readonly traceId: string
}

/** By row. */
export function exemplarsOf({ exemplars }: StatBlock): ReadonlyMap<number, Exemplar> {
  const { row, latencyMicros, timeMs, traceIds } = exemplars
  return new Map(
    Array.from(row, (of, i) => {
      const traceId = Buffer.from(traceIds.subarray(16 * i, 16 * i + 16)).toString('hex')
      return [of, { latencyMicros: latencyMicros[i]!, timeMs: timeMs[i]!, traceId }]
    }),
  )
}

/** All scopes of a fold, stat and top, as plain objects. */
export function plainFold(fold: BucketFold): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    fold.rollup
      .scopes()
      .toSorted()
      .map((scope) => [scope, { stat: plainBlock(fold.rollup.block(scope)), top: fold.top.block(scope) }]),
  )
}
