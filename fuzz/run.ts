/** `npm run fuzz -- [--seed N] [--inputs N]`: damaged messages for every decoder. Ends with 1 where one got any wrong. */
import { parseArgs } from 'node:util'
import { fuzz } from './fuzz.ts'

const { values } = parseArgs({
  options: { seed: { type: 'string', default: '1' }, inputs: { type: 'string', default: '1000000' } },
})
const seed = Number(values.seed)
const inputs = Number(values.inputs)
if (!Number.isSafeInteger(seed) || !Number.isSafeInteger(inputs) || inputs < 1) {
  process.stderr.write('--seed and --inputs must be whole numbers\n')
  process.exit(2)
}
let faults = 0
for (const report of fuzz({ seed, inputs })) {
  const { target, decoded, refused, slowestMs } = report
  process.stdout.write(
    `${target}: ${report.inputs} inputs, ${decoded} decoded, ${refused} refused, slowest ${slowestMs.toFixed(2)} ms\n`,
  )
  for (const { input, what } of report.faults) process.stdout.write(`  ${what}\n  ${input.slice(0, 2000)}\n`)
  faults += report.faults.length
}
process.stdout.write(`seed ${seed}: ${faults} faults\n`)
process.exitCode = faults > 0 ? 1 : 0
