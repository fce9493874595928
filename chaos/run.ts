/** `npm run chaos`: load with known totals, faults at random, then a comparison with the truth. See CONTRIBUTING.md. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chaos } from './chaos.ts'
import { runFaults } from './fault-run.ts'
import { Journal } from './journal.ts'
import { kafkaOutage, redisOutage } from './outages.ts'
import { reportOf } from './report.ts'
import { chaosSettings, USAGE } from './settings.ts'
import { System } from './system.ts'

const settings = chaosSettings(process.argv.slice(2))
if (settings.isHelp) {
  process.stdout.write(USAGE)
} else {
  const { seed, faults, everyMs, rate, aggregators, outageSeconds } = settings
  const directory = settings.directory ?? mkdtempSync(join(tmpdir(), 'meshtap-chaos-'))
  const journal = new Journal((line) => process.stdout.write(`${line}\n`))
  journal.say(`seed ${seed}, data and logs in ${directory}`)
  const system = await System.start({ directory, aggregators })
  let isGood = false
  try {
    const result = await chaos({
      system,
      journal,
      seed,
      rate,
      during: async (course) => {
        const done = await runFaults({ system, journal, seed, faults, everyMs })
        for (const absence of outageSeconds > 0 ? (['killed', 'paused'] as const) : []) {
          await redisOutage({ system, journal, absence, seconds: outageSeconds }, course)
          await kafkaOutage({ system, journal, absence, seconds: outageSeconds / 2 }, course)
        }
        return done
      },
    })
    process.stdout.write(`\n${reportOf(result, seed)}`)
    isGood = result.verdict.isGood
  } finally {
    await system.close()
  }
  if (!isGood) process.exitCode = 1
  else if (settings.directory === undefined) rmSync(directory, { recursive: true })
}
