import fc from 'fast-check'
import t from 'tap'
import type { MeshEvent, RequestEvent } from '../../src/event/event.ts'
import type { ReasonRow, ReasonsAnswer, StatAnswer } from '../../src/query/answer.ts'
import type { Parameters } from '../../src/query/parameters.ts'
import type { QueryEngine } from '../../src/query/query-engine.ts'
import { parseStatQuestion, parseStatRequest } from '../../src/query/requests.ts'
import { trafficEvents } from '../rollup/traffic.ts'
import { requestsOfRows } from './brute-force.ts'
import { request, times } from './events.ts'
import { QUESTIONS } from './questions.ts'
import { engineOf, engineOn, NOW, storeOf } from './world.ts'

async function askedByReason(engine: QueryEngine, parameters: Parameters): Promise<ReasonsAnswer> {
  const asked = parseStatQuestion({ ...parameters, by: 'reason' })
  if (!('by' in asked)) throw new Error('is not by reason')
  return engine.reasons(asked)
}

/** How a request ends in Envoy's words, gRPC's, or without any. */
const ends: fc.Arbitrary<Partial<RequestEvent>> = fc.oneof(
  fc.constant({}),
  fc.constantFrom('timeout', 'refused', '__proto__').map((reason) => ({ reason, status: 503 })),
  fc.constant({ reason: 'retried' }),
  fc.constantFrom(0, 4, 14).map((grpcStatus) => ({ grpcStatus, status: 200 })),
  fc.constant({ reset: true, reason: 'client_abort' }),
)

const traffic = fc
  .array(fc.tuple(trafficEvents({ fromMs: NOW - 120_000, toMs: NOW }), ends), { maxLength: 150 })
  .map((all) =>
    all.map(([event, end]): MeshEvent => (event.kind === 'request' ? { ...event, ...end } : event)),
  )

function isFailure({ status = -1, grpcStatus = -1, reset = false }: RequestEvent): boolean {
  return reset || status >= 500 || grpcStatus === 4 || grpcStatus === 14
}

/** What a row by reason says, worked out request by request. */
function expectedRow(own: readonly RequestEvent[], all: number, seconds: number): object {
  const told = own.filter((event) => isFailure(event) || (event.reason ?? '') !== '')
  const statuses = new Map<string, { requests: number; failures: number }>()
  for (const event of told) {
    const key = `${event.status ?? null}/${event.grpcStatus ?? null}`
    const { requests, failures } = statuses.get(key) ?? { requests: 0, failures: 0 }
    statuses.set(key, { requests: requests + 1, failures: failures + (isFailure(event) ? 1 : 0) })
  }
  return {
    requests: own.length,
    failures: own.filter(isFailure).length,
    rps: own.length / seconds,
    share: own.length / all,
    statuses: Object.fromEntries(statuses),
  }
}

function plainRow({ requests, failures, rps, share, statuses }: ReasonRow): object {
  return {
    requests,
    failures,
    rps,
    share,
    statuses: Object.fromEntries(
      statuses.map(({ status, grpcStatus, requests, failures }) => [
        `${status}/${grpcStatus}`,
        { requests, failures },
      ]),
    ),
  }
}

function addUp(
  rows: readonly Pick<ReasonRow, 'kind' | 'cluster' | 'namespace' | 'name' | 'requests' | 'failures'>[],
): object {
  const sums = new Map<string, [requests: number, failures: number]>()
  for (const { kind, cluster, namespace, name, requests, failures } of rows) {
    if (requests === 0) continue
    const key = `${kind} ${cluster} ${namespace} ${name}`
    const [all, failed] = sums.get(key) ?? [0, 0]
    sums.set(key, [all + requests, failed + failures])
  }
  return sorted(sums)
}

function sorted<T>(rows: ReadonlyMap<string, T>): [string, T][] {
  return [...rows].toSorted(([a], [b]) => (a < b ? -1 : 1))
}

t.test('stat by reason says what counting request by request says', async (t) => {
  let compared = 0
  await fc.assert(
    fc.asyncProperty(traffic, async (events) => {
      const engine = await engineOn(events)
      for (const [parameters, question] of QUESTIONS) {
        const { rows, window } = await askedByReason(engine, parameters)
        const want = new Map<string, object>()
        for (const [row, own] of requestsOfRows(events, question, Date.parse(window.from))) {
          for (const reason of new Set(own.map(({ reason = '' }) => reason))) {
            const ofReason = own.filter((event) => (event.reason ?? '') === reason)
            want.set(`${row} ${reason}`, expectedRow(ofReason, own.length, window.seconds))
          }
        }
        const got = new Map(
          rows.map((row) => [`${row.namespace}/${row.name} ${row.reason}`, plainRow(row)] as const),
        )
        compared += want.size
        t.strictSame(sorted(got), sorted(want), JSON.stringify(parameters))
      }
      return t.passing()
    }),
    { seed: 41, numRuns: 40 },
  )
  t.ok(compared > 100, `${compared} rows compared`)
})

t.test('whatever is asked, and however events lie, the rows of a resource add up to stat', async (t) => {
  await fc.assert(
    fc.asyncProperty(traffic, fc.integer({ min: 0, max: 12 }), async (events, closed) => {
      if (events.length === 0) return
      const half = Math.ceil(events.length / 2)
      const spread = {
        partitionOf: (_: MeshEvent, i: number) => i % 3,
        closedThroughMs: NOW - 5000 - closed * 10_000,
      }
      const engines = [
        await engineOn(events, spread),
        engineOf({ east: await storeOf(events.slice(0, half)), west: await storeOf(events.slice(half)) }),
      ]
      const resources = ['deploy', 'pod', 'svc', 'ns', 'cluster', 'route', 'all']
      const answers: StatAnswer[][] = [[], []]
      const byReason: ReasonsAnswer[][] = [[], []]
      for (const [i, engine] of engines.entries()) {
        for (const resource of resources) {
          const parameters = { resource, window: resource === 'all' ? '7h' : '2m' }
          answers[i]!.push(await engine.stat(parseStatRequest(parameters)))
          byReason[i]!.push(await askedByReason(engine, parameters))
        }
      }
      for (const i of [0, 1]) {
        t.strictSame(
          byReason[i]!.map(({ rows }) => addUp(rows)),
          answers[i]!.map(({ rows }) => addUp(rows)),
        )
      }
      t.strictSame(byReason[0], byReason[1])
    }),
    { seed: 42, numRuns: 20 },
  )
})

t.test('rows are by resource, those that fail most first; of each the statuses', async (t) => {
  const engine = await engineOn([
    ...times(6, () => request('bot', 'web')),
    ...times(2, () => request('bot', 'web', { status: 500 })),
    ...times(3, () => request('bot', 'web', { status: 503, reason: 'refused' })),
    request('bot', 'web', { status: 504, reason: 'timeout' }),
    ...times(2, () => request('bot', 'web', { grpcStatus: 14, reason: 'timeout' })),
    request('bot', 'web', { status: 200, reason: 'retried' }),
    request('bot', 'emoji'),
  ])
  const { rows, by } = await askedByReason(engine, { resource: 'deploy', namespace: 'emojivoto' })
  t.equal(by, 'reason')
  t.strictSame(
    rows.map(({ name, reason, requests, failures }) => [name, reason, requests, failures]),
    [
      ['emoji', '', 1, 0],
      ['web', 'refused', 3, 3],
      ['web', 'timeout', 3, 3],
      ['web', '', 8, 2],
      ['web', 'retried', 1, 0],
    ],
  )
  t.match(rows[2], {
    share: 3 / 15,
    statuses: [
      { status: 200, grpcStatus: 14, requests: 2, failures: 2 },
      { status: 504, grpcStatus: null, requests: 1, failures: 1 },
    ],
  })
  t.strictSame(rows[3]!.statuses, [{ status: 500, grpcStatus: null, requests: 2, failures: 2 }])
})

t.test('of very many reasons the most are told apart, and nothing is lost', async (t) => {
  const rare = times(300, (i) => request('bot', 'web', { status: 503, reason: `rare-${i}` }))
  const often = times(3, () => request('bot', 'web', { status: 503, reason: 'often' }))
  const engine = await engineOn([...rare, ...often, request('bot', 'web')])
  const { rows } = await askedByReason(engine, { resource: 'deploy/web' })
  t.equal(rows.length, 102)
  t.equal(
    rows.reduce((sum, { requests }) => sum + requests, 0),
    304,
  )
  t.match(rows[0], { reason: '__overflow__', requests: 201, failures: 201 })
  t.match(rows[1], { reason: 'often', requests: 3 })
  t.match(rows.at(-1), { reason: '', requests: 1, failures: 0 })
})

t.test('an answer without rows says why', async (t) => {
  const engine = await engineOn([request('bot', 'web')])
  const { rows, empty } = await askedByReason(engine, { resource: 'deploy/nope' })
  t.strictSame(rows, [])
  t.match(empty, { kind: 'unknown-resource', seen: ['deployment/bot', 'deployment/web'] })
})

t.test('by is resource or reason', async (t) => {
  const resource = 'deploy'
  t.strictSame(parseStatQuestion({ resource, by: 'resource' }), parseStatRequest({ resource }))
  t.match(parseStatQuestion({ resource, by: 'reason' }), { by: 'reason' })
  t.throws(() => parseStatQuestion({ resource, by: 'status' }), { message: /give one of resource, reason/ })
})
