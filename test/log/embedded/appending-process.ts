import { writeSync } from 'node:fs'
import { EmbeddedEventLog } from '../../../src/log/embedded/embedded-event-log.ts'
import { numbered } from './numbered.ts'

/** Appends numbered records, eight at a time, and prints the number of each that was acknowledged. */
const [path, first, maxBytes] = process.argv.slice(2) as [string, string, string]
const log = await EmbeddedEventLog.open({ path, partitions: 2, maxBytes: Number(maxBytes), maxAgeMs: 1e9 })
let next = Number(first)
await Promise.all(
  Array.from({ length: 8 }, async () => {
    for (;;) {
      const number = next++
      await log.append('topic', [numbered(number)])
      writeSync(1, `${number}\n`)
    }
  }),
)
