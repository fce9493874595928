import { parseRedisUrl } from '../src/redis/redis-url.ts'
import { RedisRollupStore } from '../src/store/redis/redis-rollup-store.ts'
import type { RollupStore } from '../src/store/rollup-store.ts'
import { compareGateway } from './compare-gateway.ts'
import { compareStore } from './compare-store.ts'
import { httpSend, type IngestAnswers, noAnswers } from './http-send.ts'
import type { Journal } from './journal.ts'
import { KafkaClient } from './kafka-send.ts'
import { Load } from './load.ts'
import { type LoadStats, pause } from './numbered-producer.ts'
import { committedOffsets } from './read-store.ts'
import { MOVED, REFUSED, type System } from './system.ts'
import { Verdict } from './verdict.ts'
import { type TapCounts, TapWatcher } from './tap-watcher.ts'
import { Watcher, type WatcherCounts } from './watcher.ts'

/** How long meshtap may take to catch up with everything after the last fault. */
const SETTLE_MS = 180_000
const TELL_EVERY_MS = 10_000

/** An answer's window ends up to 10 s ago: what is newer is not asked for yet. */
const WINDOW_LAG_MS = 12_000

const PRODUCERS_A_ROUTE = 6

export interface ChaosOptions {
  readonly system: System
  readonly journal: Journal
  readonly seed: number
  readonly rate: number
  /** Does what is to be done while events come; answers how often what was done. */
  readonly during: (course: Course) => Promise<ReadonlyMap<string, number>>
}

/** What goes on while faults are done. */
export interface Course {
  readonly load: Load
  readonly answers: IngestAnswers
  readonly verdict: Verdict
}

export interface ChaosResult {
  readonly verdict: Verdict
  readonly faults: ReadonlyMap<string, number>
  readonly load: LoadStats
  readonly rate: number
  readonly answers: IngestAnswers
  readonly refusedCommits: number
  readonly rewinds: number
  readonly watcher: WatcherCounts
  readonly tap: TapCounts
  readonly seconds: number
}

/** Puts load on the system, does what is to be done, waits until all is counted, and compares it with the truth. */
export async function chaos(options: ChaosOptions): Promise<ChaosResult> {
  const { system, journal, seed, rate, during } = options
  const verdict = new Verdict()
  const answers = noAnswers()
  const client = await KafkaClient.connect(system.kafka.brokers)
  const store = await RedisRollupStore.open({ redis: parseRedisUrl(system.redis.url) })
  try {
    const load = new Load({
      seed,
      rate,
      producersPerRoute: PRODUCERS_A_ROUTE,
      routes: [
        { name: 'http-batch', format: 'batch', send: httpSend(() => system.ingestUrl, 'batch', answers) },
        { name: 'http-json', format: 'json', send: httpSend(() => system.ingestUrl, 'json', answers) },
        { name: 'kafka-batch', format: 'batch', send: client.send('batch') },
        { name: 'kafka-json', format: 'json', send: client.send('json') },
      ],
      onRefused: (error) => verdict.differ(String(error)),
    })
    const watcher = new Watcher(system.gatewayUrl, load.truth, verdict)
    const tap = new TapWatcher(system.gatewayUrl, verdict)
    let faults: ReadonlyMap<string, number>
    let madeMs: number
    try {
      load.start()
      watcher.start()
      tap.start()
      faults = await during({ load, answers, verdict })
      journal.say('load ends')
      await load.stop()
      madeMs = Date.now()
      journal.say(`${load.stats.events} events are acknowledged`)
      await settled(client, store, journal)
      journal.say('everything is committed')
    } finally {
      await Promise.all([watcher.stop(), tap.stop(), load.abandon()])
    }
    await pause(madeMs + WINDOW_LAG_MS - Date.now())
    await compareStore(store, load.truth, verdict)
    await compareGateway(system.gatewayUrl, load.truth, verdict)
    verdict.equal('answers of 503 by ingest without retry-after', answers.withoutRetryAfter, 0)
    for (const death of system.deaths()) verdict.differ(death)
    return {
      verdict,
      faults,
      load: load.stats,
      rate: load.rate,
      answers,
      refusedCommits: system.troubles(REFUSED),
      rewinds: system.troubles(MOVED),
      watcher: watcher.counts,
      tap: tap.counts,
      seconds: journal.elapsedSeconds,
    }
  } finally {
    await Promise.all([client.close(), store.close()])
  }
}

/** Resolves when each partition is committed up to the log's end. */
async function settled(client: KafkaClient, store: RollupStore, journal: Journal): Promise<void> {
  const ends = await client.endOffsets()
  const begun = Date.now()
  for (let told = begun; ; await pause(250)) {
    const committed = await committedOffsets(store)
    const behind = [...ends].filter(([partition, end]) => committed.get(partition) !== end)
    if (behind.length === 0) return
    if (Date.now() < told + TELL_EVERY_MS) continue
    told = Date.now()
    const list = behind.map(
      ([partition, end]) => `${partition} at ${committed.get(partition) ?? 0} of ${end}`,
    )
    journal.say(`           not committed yet: ${list.join(', ')}`)
    if (told > begun + SETTLE_MS) throw new Error(`not everything is committed after ${SETTLE_MS / 1000} s`)
  }
}
