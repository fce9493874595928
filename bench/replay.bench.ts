/** How fast the past of a tap is read from a log: events a second, where one in a hundred matches and where all do. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { CONTENT_TYPES } from '../src/event/content-type.ts'
import { Dictionary } from '../src/event/dictionary.ts'
import { encodeEventBatch } from '../src/event/event-batch-encoder.ts'
import { EventColumns } from '../src/event/event-columns.ts'
import { addEvent } from '../src/event/event-objects.ts'
import { EmbeddedEventLog } from '../src/log/embedded/embedded-event-log.ts'
import { LogReplays } from '../src/replay/log-replays.ts'
import { RouteTemplates } from '../src/rollup/route.ts'
import { parseTapQuery } from '../src/tap/parse-tap-query.ts'
import { request } from '../test/query/events.ts'
import { report } from './figure.ts'

const EVENTS = 200_000
const BATCH = 1000
const ROUNDS = 3

const directory = mkdtempSync(`${tmpdir()}/meshtap-replay-`)
const log = await EmbeddedEventLog.open({
  path: directory,
  partitions: 4,
  maxBytes: 2 ** 30,
  maxAgeMs: 3_600_000,
  now: Date.now,
})
try {
  await fill()
  const replays = new LogReplays({
    log,
    topic: 'events',
    flows: { routes: new RouteTemplates(), defaultCluster: 'east' },
    now: Date.now,
  })
  for (const [name, query] of [
    ['1 in 100 matching', { status: '500' }],
    ['all matching', {}],
  ] as const) {
    let best = 0
    for (let round = 0; round < ROUNDS; round++) {
      const replay = await replays.open(parseTapQuery(query), {
        sinceMs: Date.now() - 3_600_000,
      })
      const startMs = performance.now()
      let seen = 0
      for await (const part of replay.pass()) seen += part.seen
      if (seen !== EVENTS) throw new Error(`${seen} of ${EVENTS} events were read`)
      best = Math.max(best, seen / ((performance.now() - startMs) / 1000))
    }
    report({ figure: `replay, ${name}`, value: best, unit: 'events/s' })
  }
} finally {
  await log.close()
  rmSync(directory, { recursive: true })
}

async function fill(): Promise<void> {
  const columns = new EventColumns(new Dictionary())
  for (let i = 0; i < EVENTS; i += BATCH) {
    columns.clear()
    for (let j = 0; j < BATCH; j++) {
      const status = j % 100 === 0 ? 500 : 200
      addEvent(columns, request('bot', 'web', { timeMs: Date.now(), path: `/${j % 50}`, status }))
    }
    await log.append('events', [
      {
        key: `proxy-${i % 7}`,
        value: encodeEventBatch(columns),
        headers: { 'content-type': CONTENT_TYPES.eventBatch },
      },
    ])
  }
}
