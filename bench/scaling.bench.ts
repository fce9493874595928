/**
 * One, two and four aggregators that share the partitions of a topic: what a second of processor time does, all of them
 * together. They are warm, and stopped while the topic is filled, so that none of it is the producer's.
 */
import { fill, RECORD_KINDS } from './backlog.ts'
import { report } from './figure.ts'
import { cpuSeconds, Stand } from './stand.ts'

const PARTITIONS = 8
const WORKERS = [1, 2, 4]
/** Of each worker, of the warm-up and of what is measured. */
const EVENTS = 8_000_000
const SPAN_MS = 4_000
const KIND = RECORD_KINDS.eventBatch

await Stand.use({ partitions: PARTITIONS }, async (stand) => {
  let single = Number.NaN
  let before = 0
  for (const count of WORKERS) {
    const topic = `requests-${count}`
    const options = {
      kind: KIND,
      partitions: PARTITIONS,
      events: EVENTS * count,
      spanMs: SPAN_MS,
      templates: 4,
    }
    const workers = await Promise.all(
      Array.from({ length: count }, () =>
        stand.role('aggregator', {
          topic,
          'kafka-group': topic,
          'kafka-partitions': String(PARTITIONS),
          'kafka-session-timeout': '60s',
        }),
      ),
    )
    for (const worker of workers) worker.start()
    await Promise.all(workers.map((worker) => worker.ready()))
    const startMs = Date.now() - 60_000
    const warmUp = await fill(stand.log, topic, { ...options, startMs })
    await stand.committed(topic, warmUp.recordsPerPartition)
    for (const worker of workers) worker.pause()
    const backlog = await fill(stand.log, topic, { ...options, startMs: startMs + SPAN_MS })
    const cpu = () => workers.reduce((sum, { pid }) => sum + cpuSeconds(pid), 0)
    const startCpu = cpu()
    for (const worker of workers) worker.resume()
    await stand.committed(topic, warmUp.recordsPerPartition + backlog.recordsPerPartition)
    const perCpuSecond = backlog.events / (cpu() - startCpu)
    const stored = (await stand.storedRequests()) - before
    const sent = warmUp.events + backlog.events
    if (stored !== sent) throw new Error(`${stored} of ${sent} events are in the store`)
    before += stored
    await Promise.all(workers.map((worker) => worker.kill('SIGTERM')))
    const what = `scaling: ${count} ${count === 1 ? 'aggregator' : 'aggregators'}, ${KIND.name}`
    report({ figure: `${what}, a CPU second`, value: perCpuSecond, unit: 'events/CPU s' })
    if (count === 1) single = perCpuSecond
    else
      report({
        figure: `${what}, a CPU second, of that of one`,
        value: (100 * perCpuSecond) / single,
        unit: '%',
        bar: '>= 90',
      })
  }
})
