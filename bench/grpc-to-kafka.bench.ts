/**
 * OTLP over gRPC into Kafka: `meshtap ingest` and the OpenTelemetry Collector by turns, with the same spans from the same
 * clients into the same broker, each in a topic of its own that is read back afterwards. Both answer once all replicas have
 * the spans, write idempotently, wait 5 ms for more, compress with LZ4, and run on one core.
 */
import { readFileSync } from 'node:fs'
import { Client, credentials, type ServiceError } from '@grpc/grpc-js'
import { Dictionary } from '../src/event/dictionary.ts'
import { CONTENT_TYPES } from '../src/event/content-type.ts'
import { decode } from '../src/event/decode.ts'
import { EventColumns } from '../src/event/event-columns.ts'
import { GRPC_METHODS } from '../src/ingest/grpc/methods.ts'
import { freePort } from '../stack/free-port.ts'
import { sdkServerMessage } from '../test/event/otlp-messages.ts'
import { report } from './figure.ts'
import { otelCollector, startCollector } from './otel-collector.ts'
import { cpuSeconds, pinMeasured, Stand } from './stand.ts'

const MAIN = new URL('../src/main.ts', import.meta.url).pathname
const PARTITIONS = 8
const ROUNDS = 2
/** Both are past: what is measured is compiled by then, however slow the machine is. */
const WARM_MS = 2_000
const WARM_SPANS = 100_000
const POLL_MS = 100
const DEADLINE_MS = 60_000
const MEASURED_MS = 4_000
const SPANS = 100
/** Calls at once: what waits for Kafka must not be all. */
const UNDER_WAY = 64
const KIB_A_MIB = 1024

/** One that takes spans into a topic. */
interface Taker {
  readonly address: string
  readonly pid: number
  readonly end: () => Promise<void>
}

interface Contender {
  readonly name: string
  readonly start: (stand: Stand, topic: string) => Promise<Taker>
}

const meshtap: Contender = {
  name: 'meshtap ingest',
  start: async (stand, topic) => {
    const address = `127.0.0.1:${await freePort()}`
    const role = await stand.role('ingest', { topic, 'grpc-listen': address })
    role.start()
    await role.ready()
    return { address, pid: role.pid, end: () => role.kill('SIGTERM') }
  },
}

function collector(program: string): Contender {
  return {
    name: 'OpenTelemetry Collector',
    start: async ({ directory, kafka: { brokers } }, topic) => {
      const { address, server } = await startCollector({ program, directory, brokers, topic })
      return { address, pid: server.pid, end: () => server.stop() }
    },
  }
}

const messages = Array.from({ length: 20 }, (_, seed) => Buffer.from(sdkServerMessage(SPANS, seed)))

const built = await otelCollector()
if ('missing' in built) process.stderr.write(`skipped beside meshtap: ${built.missing}\n`)
const contenders = [meshtap, ...('program' in built ? [collector(built.program)] : [])]

await Stand.use({ partitions: PARTITIONS, main: MAIN }, async (stand) => {
  stand.pinServers()
  for (let round = 1; round <= ROUNDS; round++) {
    for (const [i, contender] of contenders.entries()) {
      const topic = `spans-${i}-${round}`
      await makeTopic(stand, topic)
      const taker = await contender.start(stand, topic)
      const taken = await measured(taker).finally(taker.end)
      const stored = (await storedSpans(stand, topic)) - SPANS
      if (stored !== taken.spans) throw new Error(`${topic} has ${stored} of ${taken.spans} spans`)
      const what = `OTLP over gRPC to Kafka: ${contender.name}, round ${round}`
      report({ figure: `${what}, a CPU second`, value: taken.perCpuSecond, unit: 'spans/CPU s' })
      report({ figure: `${what}, by the clock`, value: taken.perSecond, unit: 'spans/s' })
      report({ figure: `${what}, memory`, value: taken.mib, unit: 'MiB' })
    }
  }
})

interface Taken {
  /** All that was acknowledged, before it was measured too. */
  readonly spans: number
  readonly perCpuSecond: number
  readonly perSecond: number
  /** The most that its process had. */
  readonly mib: number
}

async function measured({ address, pid }: Taker): Promise<Taken> {
  pinMeasured(pid)
  const client = new Client(address, credentials.createInsecure())
  let spans = 0
  const over = new AbortController()
  const one = (message: Buffer): Promise<void> =>
    new Promise((resolve, reject) => {
      const answered = (error: ServiceError | null) => (error === null ? resolve() : reject(error))
      const deadline = Date.now() + DEADLINE_MS
      client.makeUnaryRequest(GRPC_METHODS.exportTraces.path, asIs, asIs, message, { deadline }, answered)
    })
  let next = 0
  const worker = async (): Promise<void> => {
    while (!over.signal.aborted) {
      await one(messages[next++ % messages.length]!)
      spans += SPANS
    }
  }
  const done = Promise.all(Array.from({ length: UNDER_WAY }, worker))
  const isWarm = (): boolean => spans >= WARM_SPANS
  const measuring = async (): Promise<Omit<Taken, 'spans'>> => {
    await pause(WARM_MS)
    while (!isWarm()) await pause(POLL_MS)
    const [fromSpans, fromCpu, from] = [spans, cpuSeconds(pid), performance.now()]
    await pause(MEASURED_MS)
    const sent = spans - fromSpans
    const seconds = (performance.now() - from) / 1000
    const perCpuSecond = sent / (cpuSeconds(pid) - fromCpu)
    over.abort()
    return { perCpuSecond, perSecond: sent / seconds, mib: peakMib(pid) }
  }
  const [figures] = await Promise.all([measuring(), done]).finally(() => {
    over.abort()
    client.close()
  })
  return { spans, ...figures }
}

/** By a first record, of `SPANS` spans: the broker makes no topic by itself, and the Collector none either. */
function makeTopic({ log }: Stand, topic: string): Promise<void> {
  return log.append(topic, [{ value: messages[0]!, headers: { 'content-type': CONTENT_TYPES.otlpTraces } }])
}

/** Spans that a topic has, decoded. */
async function storedSpans({ log }: Stand, topic: string): Promise<number> {
  const columns = new EventColumns(new Dictionary())
  let spans = 0
  for (const partition of await log.partitions(topic)) {
    for await (const { records } of log.readSince(partition, 0)) {
      for (const { value, headers } of records) {
        // The Collector's records say nothing of what they are.
        const result = decode(headers['content-type'] ?? CONTENT_TYPES.otlpTraces, value, columns)
        if (result.kind === 'malformed') throw new Error(result.fault.message)
        spans += columns.requests
      }
    }
  }
  return spans
}

/** The most memory that a process had; of Linux only. */
function peakMib(pid: number): number {
  const [, kib] = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'latin1')) ?? []
  return Number(kib) / KIB_A_MIB
}

function asIs(bytes: Buffer): Buffer {
  return bytes
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
