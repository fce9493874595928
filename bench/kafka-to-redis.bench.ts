/**
 * What one aggregator does from Kafka to Redis, for each form that events come in: a topic is full before it starts on an
 * empty store, and the clock runs from its first claim to the commit of the last record. Events are spread over as much
 * time as they would take at the bar's rate, so that buckets open and close as they would then.
 */
import { fill, RECORD_KINDS, type RecordKind } from './backlog.ts'
import { report } from './figure.ts'
import { cpuSeconds, pinMeasured, Stand } from './stand.ts'

const PARTITIONS = 8

interface Measured {
  readonly kind: RecordKind
  readonly seconds: number
  readonly bar: number
  readonly templates: number
  readonly unit: string
}

const { eventBatch, json, jsonLines, otlp } = RECORD_KINDS
const MEASURED: readonly Measured[] = [
  { kind: eventBatch, seconds: 8, bar: 3_000_000, templates: 4, unit: 'events' },
  { kind: json, seconds: 10, bar: 60_000, templates: 2000, unit: 'events' },
  { kind: jsonLines, seconds: 8, bar: 250_000, templates: 10, unit: 'events' },
  { kind: otlp, seconds: 5, bar: 600_000, templates: 20, unit: 'spans' },
]

for (const { kind, seconds, bar, templates, unit } of MEASURED) {
  await Stand.use({ partitions: PARTITIONS }, async (stand) => {
    const topic = 'mesh.requests'
    const spanMs = seconds * 1000
    const startMs = Date.now() - spanMs - 60_000
    const backlog = await fill(stand.log, topic, {
      kind,
      partitions: PARTITIONS,
      events: bar * seconds,
      startMs,
      spanMs,
      templates,
    })
    const aggregator = await stand.role('aggregator')
    stand.pinServers()
    aggregator.start()
    const { pid } = aggregator
    pinMeasured(pid)
    await stand.claimed()
    const start = performance.now()
    const startCpu = cpuSeconds(pid)
    await stand.committed(topic, backlog.recordsPerPartition)
    const cpu = cpuSeconds(pid) - startCpu
    const wall = (performance.now() - start) / 1000
    const stored = await stand.storedRequests()
    if (stored !== backlog.events) throw new Error(`${stored} of ${backlog.events} ${unit} are in the store`)
    const what = `Kafka to Redis: ${kind.name}`
    const perCpuSecond = backlog.events / cpu
    report({ figure: `${what}, a CPU second`, value: perCpuSecond, unit: `${unit}/CPU s`, bar: `>= ${bar}` })
    report({ figure: `${what}, by the clock`, value: backlog.events / wall, unit: `${unit}/s` })
  })
}
