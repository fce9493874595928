/** From exec of the built `meshtap serve` to its first answer, and to being ready; on a new data directory each time. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../stack/free-port.ts'
import { quantile, report } from './figure.ts'

const MAIN = join(import.meta.dirname, '../dist/main.js')
const RUNS = 11

/** Milliseconds from `start` until `url` answers 200. */
async function untilOk(url: string, start: number): Promise<number> {
  for (;;) {
    const response = await fetch(url).catch(() => undefined)
    if (response?.status === 200) return performance.now() - start
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

const first: number[] = []
const ready: number[] = []
for (let run = 0; run < RUNS; run++) {
  const data = mkdtempSync(join(tmpdir(), 'meshtap-bench-'))
  const port = await freePort()
  const flags = [
    '--listen',
    `127.0.0.1:${port}`,
    '--ingest-listen',
    '127.0.0.1:0',
    '--grpc-listen',
    '127.0.0.1:0',
    '--data',
    data,
  ]
  const start = performance.now()
  const child = spawn(process.execPath, [MAIN, 'serve', ...flags], { stdio: 'ignore' })
  const answered = await untilOk(`http://127.0.0.1:${port}/livez`, start)
  const claimed = await untilOk(`http://127.0.0.1:${port}/readyz`, start)
  // The first run fills Node's compile cache.
  if (run > 0) {
    first.push(answered)
    ready.push(claimed)
  }
  child.kill('SIGTERM')
  await once(child, 'exit')
  rmSync(data, { recursive: true })
}
report({
  figure: 'startup: serve, exec to first answer, median',
  value: quantile(first, 0.5),
  unit: 'ms',
  bar: '<= 500',
})
report({ figure: 'startup: serve, exec to first answer, slowest', value: Math.max(...first), unit: 'ms' })
report({ figure: 'startup: serve, exec to ready, median', value: quantile(ready, 0.5), unit: 'ms' })
