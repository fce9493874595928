import t from 'tap'
import { chaos } from '../../chaos/chaos.ts'
import { kafkaOutage, redisOutage } from '../../chaos/outages.ts'
import { reportOf } from '../../chaos/report.ts'
import { systemForTest } from './rig.ts'

const SEED = 5
const SECONDS = 4

t.setTimeout(240_000)

t.test(
  'without Redis queries say so and ingest goes on; without Kafka ingest says so; then all is counted',
  async (t) => {
    const { system, journal } = await systemForTest(t, 2)
    const result = await chaos({
      system,
      journal,
      seed: SEED,
      rate: 4_000,
      during: async (course) => {
        await redisOutage({ system, journal, absence: 'killed', seconds: SECONDS }, course)
        await redisOutage({ system, journal, absence: 'paused', seconds: SECONDS }, course)
        await kafkaOutage({ system, journal, absence: 'killed', seconds: SECONDS }, course)
        return new Map()
      },
    })
    t.comment(reportOf(result, SEED))
    t.same(result.verdict.shown, [], 'no difference')
    t.equal(result.verdict.lost + result.verdict.doubled, 0, 'nothing lost, nothing counted twice')
  },
)
