import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import { EmbeddedEventLog } from '../../../src/log/embedded/embedded-event-log.ts'
import { numbered, numberOf } from './numbered.ts'

const script = fileURLToPath(new URL('./appending-until-full-process.ts', import.meta.url))

t.test('a log that cannot grow says so, and loses nothing of what it took', async (t) => {
  const path = t.testdir({})
  // A limit on the size of files, in blocks of 512 bytes, stands for a full disk: both cut a write short.
  const command = `ulimit -f 8192; exec '${process.execPath}' '${script}' '${path}'`
  const { stdout } = await promisify(execFile)('sh', ['-c', command])
  const { taken, codes } = JSON.parse(stdout) as { taken: number[]; codes: string[] }
  t.same(codes, ['LOG_FULL'])
  t.ok(taken.length > 100, `took ${taken.length} records`)

  const log = await EmbeddedEventLog.open({ path, partitions: 1, maxBytes: 1e9, maxAgeMs: 1e9 })
  const numbers: (number | undefined)[] = []
  for await (const { records } of log.readSince('topic-0', 0)) numbers.push(...records.map(numberOf))
  t.same(numbers, taken)
  await log.append('topic', [numbered(1)])
  t.equal(log.stats.failedTransactions, 0, 'where there is room again, it goes on')
  await log.close()
})
