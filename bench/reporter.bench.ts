/**
 * Measures what reporting costs a program: events given to a `Reporter`, into batches of 2,000, encoded, handed to a sink
 * that takes them at once. On one core; beside it what a spool adds that everything goes through, with and without fsync.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BatchSink } from '../src/reporter/batch-sink.ts'
import { createReporter, type CreateReporterOptions } from '../src/reporter/create-reporter.ts'
import { report } from './figure.ts'
import { traffic } from './traffic.ts'

const EVENTS = 20_000
const ROUNDS = 8
const ROUND_MS = 400

const taking: BatchSink = { name: 'nowhere', send: async () => ({ kind: 'accepted' }) }
const away: BatchSink = { name: 'away', send: async () => ({ kind: 'unavailable', why: 'away' }) }

interface Measured {
  readonly eventsPerSecond: number
  readonly bytesPerEvent: number
}

async function measure(options: CreateReporterOptions, traces: boolean): Promise<Measured> {
  const source = traffic({ series: 500, seed: 7, startMs: 1_700_000_000_000, traces })
  const events = Array.from({ length: EVENTS }, () => source.next().value)
  const reporter = await createReporter({ queuedBatches: 64, queuedBytes: 2 ** 26, ...options })
  let best = 0
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now()
    let count = 0
    let now = start
    do {
      for (const event of events) reporter.report(event)
      await reporter.flush()
      count += events.length
      now = performance.now()
    } while (now - start < ROUND_MS)
    best = Math.max(best, (count / (now - start)) * 1000)
  }
  const { dropped, reported } = reporter.stats
  if (dropped['queue-full'] > 0)
    throw new Error(`${dropped['queue-full']} of ${reported} events were dropped`)
  await reporter.close()
  return { eventsPerSecond: best, bytesPerEvent: bytes / reported }
}

let bytes = 0
const counting: BatchSink = {
  ...taking,
  send: async (batch) => {
    bytes += batch.bytes.length
    return { kind: 'accepted' }
  },
}

for (const traces of [false, true]) {
  bytes = 0
  const { eventsPerSecond, bytesPerEvent } = await measure({ sink: counting }, traces)
  const name = `reporter: report and encode${traces ? ', each with a trace id of its own' : ''}`
  report({ figure: name, value: eventsPerSecond, unit: 'events/s', bar: '>= 500000' })
  report({ figure: `${name}, of a batch`, value: bytesPerEvent, unit: 'bytes/event' })
}

for (const isSynced of [false, true]) {
  const directory = mkdtempSync(join(tmpdir(), 'meshtap-bench-'))
  try {
    const spool = { directory: join(directory, 'spool'), isSynced }
    const { eventsPerSecond } = await measure({ sink: away, spool }, false)
    const name = `reporter: the same, into a spool while the sink is away, fsync ${isSynced ? 'on' : 'off'}`
    report({ figure: name, value: eventsPerSecond, unit: 'events/s' })
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
