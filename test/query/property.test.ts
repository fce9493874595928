import fc from 'fast-check'
import t from 'tap'
import type { MeshEvent } from '../../src/event/event.ts'
import type { Parameters } from '../../src/query/parameters.ts'
import { parseStatRequest } from '../../src/query/requests.ts'
import { trafficEvents } from '../rollup/traffic.ts'
import { differences, expectedRows, place, type Question } from './brute-force.ts'
import { everyAnswer } from './every-answer.ts'
import { engineOf, engineOn, NOW, storeOf } from './world.ts'

/** Traffic of the last two minutes. Some proxies do not say how many connections are open. */
const traffic = fc
  .array(trafficEvents({ fromMs: NOW - 120_000, toMs: NOW }), { maxLength: 150 })
  .map((events) => events.map((event) => (event.destination.pod === 'a-2' ? withoutOpen(event) : event)))

function withoutOpen(event: MeshEvent): MeshEvent {
  if (event.kind === 'request') return event
  const { open: _, ...rest } = event
  return rest
}

const isIn = (event: MeshEvent, end: 'source' | 'destination', namespace: string, name: string) =>
  event[end]?.namespace === namespace && event[end]?.name === name
const source = (event: MeshEvent) => place(event.source, 'name')
const destination = (event: MeshEvent) => place(event.destination, 'name')
const service = (event: MeshEvent) => place(event.destination, 'service')
const pair = (event: MeshEvent) => `${source(event)} ${destination(event)}`

const QUESTIONS: readonly (readonly [Parameters, Question])[] = [
  [{ resource: 'deploy' }, { rowOf: destination, unitOf: () => undefined, side: 'inbound', falls: false }],
  [
    { resource: 'deploy/web', namespace: 'emojivoto', window: '90s' },
    {
      rowOf: (event) => (isIn(event, 'destination', 'emojivoto', 'web') ? destination(event) : undefined),
      unitOf: () => undefined,
      side: 'inbound',
      falls: false,
    },
  ],
  [{ resource: 'svc' }, { rowOf: service, unitOf: service, side: 'inbound', falls: true }],
  [
    { resource: 'deploy', namespace: 'emojivoto', to: 'deploy/emoji', to_namespace: 'boutique' },
    {
      rowOf: (event) =>
        event.source?.namespace === 'emojivoto' && isIn(event, 'destination', 'boutique', 'emoji')
          ? source(event)
          : undefined,
      unitOf: pair,
      side: 'outbound',
      falls: true,
    },
  ],
  [
    { resource: 'deploy', from: 'deploy/voting', from_namespace: 'boutique' },
    {
      rowOf: (event) => (isIn(event, 'source', 'boutique', 'voting') ? destination(event) : undefined),
      unitOf: pair,
      side: 'outbound',
      falls: true,
    },
  ],
]

t.test('stat says what counting event by event says', async (t) => {
  await fc.assert(
    fc.asyncProperty(traffic, async (events) => {
      const engine = await engineOn(events)
      for (const [parameters, question] of QUESTIONS) {
        const { rows, window, latencyError } = await engine.stat(parseStatRequest(parameters))
        const want = expectedRows(events, question, Date.parse(window.from))
        t.strictSame(differences(rows, want, window.seconds, latencyError), [], JSON.stringify(parameters))
      }
      return t.passing()
    }),
    { seed: 21, numRuns: 60 },
  )
})

t.test(
  'answers do not depend on how events lie in partitions, stores and open or closed buckets',
  async (t) => {
    await fc.assert(
      fc.asyncProperty(
        traffic,
        fc.array(fc.nat(3), { minLength: 1, maxLength: 20 }),
        fc.integer({ min: 0, max: 12 }),
        async (events, partitions, closed) => {
          if (events.length === 0) return
          const want = await everyAnswer(await engineOn(events))
          const spread = {
            partitionOf: (_: MeshEvent, i: number) => partitions[i % partitions.length]!,
            closedThroughMs: NOW - 5000 - closed * 10_000,
          }
          t.strictSame(await everyAnswer(await engineOn(events, spread)), want)
          const half = Math.ceil(events.length / 2)
          const stores = {
            east: await storeOf(events.slice(0, half), spread),
            west: await storeOf(events.slice(half), {}),
          }
          t.strictSame(await everyAnswer(engineOf(stores)), want)
        },
      ),
      { seed: 22, numRuns: 25 },
    )
  },
)
