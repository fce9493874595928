import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { chaos } from '../../chaos/chaos.ts'
import { Journal } from '../../chaos/journal.ts'
import { kafkaOutage, redisOutage } from '../../chaos/outages.ts'
import { reportOf } from '../../chaos/report.ts'
import { System } from '../../chaos/system.ts'

const SEED = 5
const SECONDS = 4

t.setTimeout(240_000)

t.test(
  'without Redis queries say so and ingest goes on; without Kafka ingest says so; then all is counted',
  async (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'meshtap-outages-'))
    const system = await System.start({ directory, aggregators: 2 })
    t.teardown(async () => {
      await system.close()
      rmSync(directory, { recursive: true, force: true })
    })
    const journal = new Journal((line) => t.comment(line))
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
