/**
 * One, two and four aggregators that share the partitions of a topic: what a second of processor time does, all of them
 * together. They are warm, and stopped while the topic is filled, so that none of it is the producer's. One aggregator is
 * measured first and last: a machine that became slower meanwhile must not look like the price of having several.
 */
import { fill, RECORD_KINDS } from './backlog.ts'
import { report } from './figure.ts'
import { cpuSeconds, Stand } from './stand.ts'

const PARTITIONS = 8
/** Of each worker. */
const EVENTS = 8_000_000
const WARM_UP_EVENTS = 1_500_000
const WARM_UPS = 4
const SPAN_MS = 4_000
const KIND = RECORD_KINDS.eventBatch

await Stand.use({ partitions: PARTITIONS }, async (stand) => {
  const first = await perCpuSecond(stand, 1, 'first')
  const two = await perCpuSecond(stand, 2, 'two')
  const four = await perCpuSecond(stand, 4, 'four')
  const last = await perCpuSecond(stand, 1, 'last')
  const single = (first + last) / 2
  const what = `scaling: ${KIND.name}, a CPU second`
  const unit = 'events/CPU s'
  report({ figure: `${what}, one aggregator, first`, value: first, unit })
  report({ figure: `${what}, one aggregator, last`, value: last, unit })
  for (const [name, rate] of [
    ['two aggregators', two],
    ['four aggregators', four],
  ] as const) {
    report({ figure: `${what}, ${name}`, value: rate, unit })
    report({
      figure: `${what}, ${name}, of that of one`,
      value: (100 * rate) / single,
      unit: '%',
      bar: '>= 90',
    })
  }
})

async function perCpuSecond(stand: Stand, count: number, topic: string): Promise<number> {
  const before = await stand.storedRequests()
  const workers = await Promise.all(
    Array.from({ length: count }, () =>
      stand.role('aggregator', { topic, 'kafka-group': topic, 'kafka-session-timeout': '60s' }),
    ),
  )
  for (const worker of workers) worker.start()
  await Promise.all(workers.map((worker) => worker.ready()))
  let startMs = Date.now() - 10 * SPAN_MS
  let sent = 0
  let offset = 0
  const add = async (events: number) => {
    const options = { kind: KIND, partitions: PARTITIONS, spanMs: SPAN_MS, templates: 4 }
    const added = await fill(stand.log, topic, { ...options, events: events * count, startMs })
    startMs += SPAN_MS
    sent += added.events
    offset += added.recordsPerPartition
    return added.events
  }
  // Commits must be warm too, which come once a second.
  for (let i = 0; i < WARM_UPS; i++) {
    await add(WARM_UP_EVENTS)
    await stand.committed(topic, offset)
  }
  for (const worker of workers) worker.pause()
  const events = await add(EVENTS)
  const cpu = () => workers.reduce((sum, { pid }) => sum + cpuSeconds(pid), 0)
  const startCpu = cpu()
  for (const worker of workers) worker.resume()
  await stand.committed(topic, offset)
  const rate = events / (cpu() - startCpu)
  await Promise.all(workers.map((worker) => worker.kill('SIGTERM')))
  const stored = (await stand.storedRequests()) - before
  if (stored !== sent) throw new Error(`${stored} of ${sent} events are in the store`)
  return rate
}
