import t from 'tap'
import { chaos } from '../../chaos/chaos.ts'
import { runFaults } from '../../chaos/fault-run.ts'
import { reportOf } from '../../chaos/report.ts'
import { systemForTest } from './rig.ts'

const SEED = 4

t.setTimeout(240_000)

t.test('eight faults, and the totals of every series and bucket are the truth', async (t) => {
  const { system, journal } = await systemForTest(t, 3)
  const result = await chaos({
    system,
    journal,
    seed: SEED,
    rate: 8_000,
    during: () =>
      runFaults({
        system,
        journal,
        seed: SEED,
        faults: 8,
        everyMs: 1_500,
        kinds: [
          'kill aggregator',
          'kill ingest',
          'kill gateway',
          'kill Kafka',
          'pause aggregator',
          'kill Redis',
          'cut Redis',
          'flush Redis',
        ],
      }),
  })
  t.comment(reportOf(result, SEED))
  const { verdict } = result
  t.same(verdict.shown, [], 'no difference')
  t.equal(verdict.lost, 0, 'nothing lost')
  t.equal(verdict.doubled, 0, 'nothing counted twice')
  t.equal(result.faults.size, 8, 'every kind of fault')
  t.ok(verdict.compared > 10_000, `${verdict.compared} series and rows compared`)
  t.ok(verdict.duplicatesDropped > 0, `${verdict.duplicatesDropped} duplicates dropped`)
})
