import fc from 'fast-check'
import t from 'tap'
import type { MeshEvent } from '../../src/event/event.ts'
import { parseStatRequest } from '../../src/query/requests.ts'
import { trafficEvents } from '../rollup/traffic.ts'
import { differences, expectedRows } from './brute-force.ts'
import { everyAnswer } from './every-answer.ts'
import { QUESTIONS } from './questions.ts'
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
