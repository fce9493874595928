/**
 * What taps cost an aggregator: decoding, matching, publishing and folding, as if it had one core for itself. One with taps
 * and one without take a batch each in turn, so that what else the machine does falls on both, and their processor time is
 * compared.
 */
import { decode } from '../src/event/decode.ts'
import { CONTENT_TYPES } from '../src/event/content-type.ts'
import { Dictionary } from '../src/event/dictionary.ts'
import { encodeEventBatch } from '../src/event/event-batch-encoder.ts'
import { EventColumns } from '../src/event/event-columns.ts'
import { BucketFold } from '../src/rollup/bucket-fold.ts'
import { FlowTable } from '../src/rollup/flow-table.ts'
import { RouteTemplates } from '../src/rollup/route.ts'
import { Rollup } from '../src/rollup/rollup.ts'
import { TopRollup } from '../src/rollup/top-rollup.ts'
import { LocalTapBus } from '../src/tap/local/local-tap-bus.ts'
import { parseTapQuery } from '../src/tap/parse-tap-query.ts'
import { FrameWriter } from '../src/tap/redis/frame-writer.ts'
import { WORKER_SLICE_MS } from '../src/tap/sampling.ts'
import type { TapBus } from '../src/tap/tap-bus.ts'
import { TapPublisher } from '../src/tap/tap-publisher.ts'
import { report } from './figure.ts'
import { takeColumns, traffic } from './traffic.ts'

/** Of processor time, of each. */
const WARM_MS = 500
const MEASURED_MS = 2000
const START_MS = 1_763_978_400_000
const TTL_MS = 3_600_000
const FRAME_BYTES = 1 << 20

const source = traffic({ series: 1000, seed: 3, startMs: START_MS })
const records = Array.from({ length: 24 }, () => encodeEventBatch(takeColumns(source, 4096)))
const options = { routes: new RouteTemplates(), defaultCluster: 'east' }

type Params = Readonly<Record<string, string>>

const workload = (i: number): Params => ({
  resource: `deploy/service-${i % 100}`,
  namespace: `team-${(i % 100) % 20}`,
})

/** A third each on workloads that are not there, paths that are not asked for, and statuses that do not come. */
function absent(i: number): Params {
  if (i % 3 === 0) return { resource: `deploy/absent-${i}`, namespace: `team-${i % 20}` }
  return i % 3 === 1 ? { ...workload(i), path: `/absent-${i}` } : { ...workload(i), status: '418' }
}

/** So many taps, of which one matches a workload: a hundredth of all events. */
const hundredth = (count: number) => [workload(7), ...absentTaps(count - 1)]
const absentTaps = (count: number) => Array.from({ length: count }, (_, i) => absent(i))

/** A bus whose frames are written as for Redis, and go nowhere. */
function writingBus(): TapBus {
  const local = new LocalTapBus({ maxTaps: 10_000 })
  const writer = new FrameWriter({ maxBytes: FRAME_BYTES, newName: () => 'bench' })
  return {
    register: (tap, ttlMs) => local.register(tap, ttlMs),
    unregister: (id) => local.unregister(id),
    watch: (listener) => local.watch(listener),
    subscribe: (id, listener) => local.subscribe(id, listener),
    close: () => local.close(),
    publish: async (id, frame) => void writer.write(id, frame),
  }
}

function processorMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

/** An aggregator's way of a batch, on a clock that goes while it works. */
class Worker {
  events = 0
  busyMs = 0
  readonly #columns = new EventColumns(new Dictionary())
  readonly #flows = new FlowTable(this.#columns.dictionary, options)
  readonly #fold = new BucketFold(new Rollup(), new TopRollup())
  readonly #bus = writingBus()
  #publisher: TapPublisher | undefined
  #tickedMs = 0
  #drained = 0

  async open(queries: readonly Params[]): Promise<void> {
    const now = () => START_MS + this.busyMs
    this.#publisher = await TapPublisher.open({
      bus: this.#bus,
      flows: options,
      now,
      every: () => () => undefined,
    })
    for (const [i, query] of queries.entries()) {
      await this.#bus.register({ id: `tap-${i}`, query: parseTapQuery({ max_rps: '100', ...query }) }, TTL_MS)
    }
  }

  take(record: Uint8Array): void {
    const publisher = this.#publisher!
    const columns = this.#columns
    const startMs = processorMs()
    decode(CONTENT_TYPES.eventBatch, record, columns)
    publisher.observe(columns)
    this.#fold.foldRequests(columns, this.#flows, 0, columns.requests)
    this.events += columns.requests
    if (this.busyMs - this.#tickedMs >= WORKER_SLICE_MS) {
      publisher.tick()
      this.#tickedMs = this.busyMs
    }
    // As a commit would.
    if (this.events - this.#drained > 100_000) {
      this.#fold.drain()
      this.#drained = this.events
    }
    this.busyMs += processorMs() - startMs
  }

  async close(): Promise<void> {
    await this.#publisher?.close()
    await this.#bus.close()
  }
}

async function cost(name: string, queries: readonly Params[], bar?: string): Promise<void> {
  const [without, withTaps] = [new Worker(), new Worker()]
  await without.open([])
  await withTaps.open(queries)
  let next = 0
  const run = async (ms: number) => {
    const endMs = without.busyMs + ms
    while (without.busyMs < endMs) {
      const record = records[next++ % records.length]!
      // Which goes first alternates.
      for (const worker of next % 2 === 0 ? [without, withTaps] : [withTaps, without]) worker.take(record)
      // What was published is done with.
      await Promise.resolve()
    }
  }
  await run(WARM_MS)
  const before = [without, withTaps].map(({ events, busyMs }) => ({ events, busyMs }))
  await run(MEASURED_MS)
  const [rateWithout, rate] = [without, withTaps].map(
    ({ events, busyMs }, i) => ((events - before[i]!.events) / (busyMs - before[i]!.busyMs)) * 1000,
  )
  for (const worker of [without, withTaps]) await worker.close()
  report({ figure: `taps: ${name}: a second of processor time`, value: rate!, unit: 'events/s' })
  report({
    figure: `taps: ${name}: slower than without by`,
    value: (rateWithout! / rate! - 1) * 100,
    unit: '%',
    ...(bar === undefined ? {} : { bar }),
  })
}

await cost('none', [])
await cost('10, none matching', absentTaps(10))
await cost('1,000, none matching', absentTaps(1000), '<= 10')
await cost('10, one matching 1 % of all', hundredth(10))
await cost('1,000, one matching 1 % of all', hundredth(1000))
await cost('one matching all, max_rps 100', [{}], '<= 15')
await cost(
  '1,000 of 1 % each, max_rps 1, so that ten match each event',
  Array.from({ length: 1000 }, (_, i) => ({
    ...workload(i),
    min_latency: `${Math.floor(i / 100)}us`,
    max_rps: '1',
  })),
)
