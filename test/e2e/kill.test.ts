import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import t from 'tap'
import type { StatAnswer } from '../../src/query/answer.ts'
import { freePort } from '../../stack/free-port.ts'
import { random } from '../random.ts'
import { ServeProcess } from './serve-process.ts'

const MAIN = new URL('../../src/main.ts', import.meta.url).pathname
const EVENTS = 30_000
const WORKLOADS = ['web', 'emoji', 'voting']

/** By workload. */
type Totals = Record<string, { requests: number; failures: number }>

/** Events of the last minute, and how many of each workload there are: the truth, counted while writing. */
function writeEvents(file: string): Totals {
  const next = random(61)
  const truth: Totals = Object.fromEntries(WORKLOADS.map((name) => [name, { requests: 0, failures: 0 }]))
  const nowMs = Date.now()
  const lines = Array.from({ length: EVENTS }, (_, i) => {
    const name = WORKLOADS[Math.floor(next() * 3)]!
    const status = next() < 0.05 ? 503 : 200
    const count = truth[name]!
    count.requests++
    if (status === 503) count.failures++
    return JSON.stringify({
      time: nowMs - 30_000 + i,
      direction: 'inbound',
      destination: { namespace: 'emojivoto', name, pod: `${name}-${i % 3}` },
      path: `/items/${i % 50}`,
      status,
      latencyMicros: Math.floor(next() * 100_000),
    })
  })
  writeFileSync(file, `${lines.join('\n')}\n`)
  return truth
}

function totals(answer: StatAnswer): Totals {
  return Object.fromEntries(answer.rows.map(({ name, requests, failures }) => [name, { requests, failures }]))
}

t.test(
  'serve killed again and again while events are pushed ends with exact totals',
  { timeout: 120_000 },
  async (t) => {
    const directory = t.testdir()
    const file = `${directory}/events.ndjson`
    const truth = writeEvents(file)
    const ports = [
      '--listen',
      `127.0.0.1:${await freePort()}`,
      '--ingest-listen',
      `127.0.0.1:${await freePort()}`,
    ]
    const start = () => ServeProcess.start(`${directory}/data`, ...ports)
    let serve = await start()
    const push = spawn(
      process.execPath,
      [
        MAIN,
        'push',
        file,
        '--ingest',
        serve.ingestUrl,
        '--batch',
        '100',
        '--rate',
        '10000',
        '--retry-for',
        '60s',
      ],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    )
    let output = ''
    push.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
    push.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()))
    const pushed = once(push, 'exit') as Promise<[number | null]>
    const next = random(62)
    let kills = 0
    while (push.exitCode === null && kills < 6) {
      // Some way into the push, at a moment that the seed chooses.
      const before = kills
      await Promise.race([pushed, new Promise((resolve) => setTimeout(resolve, 200 + 500 * next()))])
      if (push.exitCode !== null) break
      await serve.kill('SIGKILL')
      kills = before + 1
      serve = await start()
    }
    t.equal((await pushed)[0], 0, output)
    t.ok(kills >= 3, `${kills} kills while events were pushed`)
    const asked = { resource: 'deploy', namespace: 'emojivoto', window: '10m' }
    const answer = await serve.until(
      'stat',
      asked,
      ({ rows }) => rows.reduce((sum, { requests }) => sum + requests, 0) >= EVENTS,
    )
    t.strictSame(totals(answer), truth, `after ${kills} kills`)
    t.equal(await serve.kill('SIGTERM'), 0, 'and it stops cleanly')
    // What a later start reads is the same.
    const again = await start()
    t.teardown(() => again.kill('SIGKILL'))
    t.strictSame(totals(await again.ask('stat', asked)), truth)
  },
)
