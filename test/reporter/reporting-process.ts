/**
 * A program to kill: reports requests of a workload, a portion at a time, and says what is kept of them.
 *
 *     node reporting-process.ts <ingest URL> <spool directory> <workload> <portions>
 */
import { createReporter } from '../../src/reporter/index.ts'

const PORTION = 40

const [ingestUrl = '', directory = '', name = '', portions = ''] = process.argv.slice(2)
const reporter = await createReporter({
  ingestUrl,
  spool: { directory, maxBytes: 16 * 2 ** 20 },
  batchEvents: 25,
  backoffMs: 20,
  maxBackoffMs: 200,
})
for (let portion = 1; portion <= Number(portions); portion++) {
  process.stdout.write(`reporting ${portion * PORTION}\n`)
  for (let i = 0; i < PORTION; i++) {
    reporter.report({
      kind: 'request',
      timeMs: Date.now(),
      direction: 'inbound',
      destination: { namespace: 'shop', kind: 'deployment', name, pod: `${name}-1` },
      path: `/items/${i % 10}`,
      status: i % 20 === 0 ? 500 : 200,
      latencyMicros: 1000 + i,
    })
  }
  await reporter.flush()
  process.stdout.write(`kept ${portion * PORTION}\n`)
}
// Killed, or told by the end of its input to end well.
process.stdin.resume()
process.stdin.on('end', () => void reporter.close().then(() => process.exit()))
