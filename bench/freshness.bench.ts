/**
 * How soon an event is to be seen, at 100,000 events a second through Kafka, one aggregator, Redis and a gateway: in an
 * answer of `stat`, and on a tap. The clock starts when an event is made, right before its record is given to Kafka.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { RECORD_KINDS } from './backlog.ts'
import { quantile, report } from './figure.ts'
import { partitionOfKey } from '../src/log/murmur2.ts'
import { Stand } from './stand.ts'
import { timedEventBatch } from './timed-value.ts'
import { takeColumns, traffic } from './traffic.ts'
import { addEvent } from '../src/event/event-objects.ts'
import { encodeEventBatch } from '../src/event/event-batch-encoder.ts'

const TOPIC = 'mesh.requests'
const PARTITIONS = 8
const EVENTS_A_RECORD = 1000
const RECORDS_A_SECOND = 100
const SERIES = 1000
const WARM_UP_MS = 6_000
const MEASURED_MS = 20_000
/** Between two questions. */
const ASKED_MS = 10
const LAST_ANSWER_MS = 10_000
const TEMPLATE_MS = 1_763_978_400_000

/** Each record has one event more, of a workload that only its partition has: so an answer says which records are in it. */
const probes = Array.from({ length: PARTITIONS }, (_, partition) => {
  const columns = takeColumns(
    traffic({ series: SERIES / PARTITIONS, seed: partition, startMs: TEMPLATE_MS }),
    EVENTS_A_RECORD - 1,
  )
  // All of them happen at once, when the record is made.
  columns.timeMs.fill(TEMPLATE_MS, 0, columns.requests)
  addEvent(columns, {
    kind: 'request',
    timeMs: TEMPLATE_MS,
    direction: 'inbound',
    destination: { namespace: 'probes', kind: 'deployment', name: `probe-${partition}` },
    method: 'GET',
    path: '/',
    status: 200,
    latencyMicros: 1000,
  })
  return {
    key: keyOf(partition),
    value: timedEventBatch(encodeEventBatch(columns), TEMPLATE_MS),
    /** When each record was made. */
    madeMs: [] as number[],
    /** How many of them were in an answer. */
    seen: 0,
  }
})

await Stand.use({ partitions: PARTITIONS }, async (stand) => {
  const aggregator = await stand.role('aggregator')
  const gateway = await stand.role('gateway')
  aggregator.start()
  gateway.start()
  await Promise.all([aggregator.ready(), gateway.ready()])
  const startMs = Date.now()
  const fromMs = startMs + WARM_UP_MS
  const untilMs = fromMs + MEASURED_MS
  const stop = new AbortController()
  const tapped = followTap(gateway.url, stop.signal)
  const answered = ask(gateway.url, untilMs)
  const sent = await send(stand, startMs, untilMs)
  const queryable = (await answered).filter(({ madeMs }) => madeMs >= fromMs)
  stop.abort()
  const tapEvents = (await tapped).filter(({ madeMs }) => madeMs >= fromMs && madeMs < untilMs)
  const stored = await stand.storedRequests()
  if (stored !== sent) throw new Error(`${stored} of ${sent} events are in the store`)
  const what = `freshness, ${((sent / (untilMs - startMs)) * 1000).toFixed(0)} events/s`
  tell(`${what}: event to answer`, queryable, 1500)
  tell(`${what}: event to tap client`, tapEvents, 100)
  report({
    figure: 'freshness: events on the tap',
    value: tapEvents.length / (MEASURED_MS / 1000),
    unit: 'events/s',
  })
})

interface Seen {
  readonly madeMs: number
  readonly tookMs: number
}

function tell(what: string, seen: readonly Seen[], barMs: number): void {
  if (seen.length === 0) throw new Error(`${what}: nothing was seen`)
  const took = seen.map(({ tookMs }) => tookMs)
  report({ figure: `${what}, p50`, value: quantile(took, 0.5), unit: 'ms' })
  report({ figure: `${what}, p99`, value: quantile(took, 0.99), unit: 'ms', bar: `<= ${barMs}` })
}

/** Sends one record after the other in time; answers how many events that were. */
async function send(stand: Stand, startMs: number, untilMs: number): Promise<number> {
  const headers = { 'content-type': RECORD_KINDS.eventBatch.contentType }
  const appends: Promise<void>[] = []
  for (let i = 0; ; i++) {
    const dueMs = startMs + (i * 1000) / RECORDS_A_SECOND
    if (dueMs >= untilMs) break
    const early = dueMs - Date.now()
    if (early > 0) await sleep(early)
    const { key, value, madeMs } = probes[i % PARTITIONS]!
    const nowMs = Date.now()
    madeMs.push(nowMs)
    appends.push(stand.log.append(TOPIC, [{ key, value: value.at(nowMs), headers }]))
  }
  await Promise.all(appends)
  return appends.length * EVENTS_A_RECORD
}

/** Asks for the probes again and again until all are there. */
async function ask(url: string, untilMs: number): Promise<Seen[]> {
  const seen: Seen[] = []
  const isLeft = () => Date.now() < untilMs || probes.some((probe) => probe.seen < probe.madeMs.length)
  for (; isLeft(); await sleep(ASKED_MS)) {
    if (Date.now() > untilMs + LAST_ANSWER_MS) throw new Error('not all events are in an answer')
    const response = await fetch(`${url}/api/v1/stat?resource=deploy&namespace=probes&window=10m`)
    const text = await response.text()
    const nowMs = Date.now()
    if (!response.ok) throw new Error(`stat answered ${text}`)
    const { rows } = JSON.parse(text) as { rows: { name: string; requests: number }[] }
    for (const { name, requests } of rows) {
      const probe = probes[Number(name.slice('probe-'.length))]!
      for (; probe.seen < requests; probe.seen++) {
        const madeMs = probe.madeMs[probe.seen]!
        seen.push({ madeMs, tookMs: nowMs - madeMs })
      }
    }
  }
  return seen
}

/** All probes that a tap on their namespace shows. */
async function followTap(url: string, signal: AbortSignal): Promise<Seen[]> {
  const seen: Seen[] = []
  try {
    const response = await fetch(`${url}/api/v1/tap?resource=ns/probes&max_rps=1000`, { signal })
    if (!response.ok) throw new Error(`tap answered ${await response.text()}`)
    for await (const line of createInterface({ input: Readable.fromWeb(response.body!) })) {
      const nowMs = Date.now()
      for (const { time } of (JSON.parse(line) as { events: { time: string }[] }).events) {
        const madeMs = Date.parse(time)
        seen.push({ madeMs, tookMs: nowMs - madeMs })
      }
    }
  } catch (error) {
    if (!signal.aborted) throw error
  }
  return seen
}

function keyOf(partition: number): string {
  for (let i = 0; ; i++)
    if (partitionOfKey(Buffer.from(`proxy-${i}`), PARTITIONS) === partition) return `proxy-${i}`
}
