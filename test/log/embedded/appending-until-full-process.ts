import { EmbeddedEventLog } from '../../../src/log/embedded/embedded-event-log.ts'
import { LogError } from '../../../src/log/event-log.ts'
import { numbered } from './numbered.ts'

/**
 * Appends numbered records, one after the other, until the log is full; then smaller and smaller ones, to fail often;
 * and prints the numbers of those that were taken and the codes of the failures.
 */
// Node ignores this signal, but tap's hooks end the process on it unless somebody listens.
process.on('SIGXFSZ', () => {})
const log = await EmbeddedEventLog.open({
  path: process.argv[2]!,
  partitions: 1,
  maxBytes: 1e9,
  maxAgeMs: 1e9,
})
const taken: number[] = []
const codes = new Set<string>()
for (let number = 0, failures = 0; failures < 20; number++) {
  try {
    await log.append('topic', [numbered(number)])
    taken.push(number)
  } catch (error) {
    if (!(error instanceof LogError)) throw error
    codes.add(error.code)
    failures++
  }
}
await log.close()
process.stdout.write(JSON.stringify({ taken, codes: [...codes] }))
