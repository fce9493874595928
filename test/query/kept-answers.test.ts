import fc from 'fast-check'
import t from 'tap'
import { PartitionProcessor } from '../../src/aggregator/partition-processor.ts'
import { encodeEventBatch } from '../../src/event/event-batch-encoder.ts'
import type { MeshEvent } from '../../src/event/event.ts'
import { partitionId } from '../../src/log/event-log.ts'
import { QueryEngine } from '../../src/query/query-engine.ts'
import { RouteTemplates } from '../../src/rollup/route.ts'
import { DEFAULT_SERIES_LIMITS } from '../../src/rollup/rollup.ts'
import { DEFAULT_TOP_LIMITS } from '../../src/rollup/top-rollup.ts'
import { MemoryRollupStore } from '../memory-rollup-store.ts'
import { columnsOf, trafficEvents } from '../rollup/traffic.ts'
import { everyAnswer } from './every-answer.ts'
import { NOW } from './world.ts'

const SECOND = 1000
const PARTITIONS = 2

/** A while of traffic: how much later it is now, and what came meanwhile, some of it of minutes ago. */
const whiles = fc.array(
  fc.record({
    elapsedMs: fc.oneof(
      { weight: 3, arbitrary: fc.integer({ min: 1, max: 12 * SECOND }) },
      { weight: 1, arbitrary: fc.constantFrom(40 * SECOND, 90 * SECOND, 700 * SECOND) },
    ),
    events: fc.array(trafficEvents({ fromMs: -3 * SECOND, toMs: 0 }), { maxLength: 12 }),
    late: fc.array(trafficEvents({ fromMs: -150 * SECOND, toMs: -10 * SECOND }), { maxLength: 2 }),
  }),
  { minLength: 2, maxLength: 8 },
)

/** Bytes an engine may keep: everything, some blocks but no counts, nothing. */
const CACHES = [256 * 2 ** 20, 400 * 2 ** 10, 20_000, 0]

t.test(
  'answers are the same whatever is kept of those before, while buckets open, close and change',
  async (t) => {
    let kept = 0
    await fc.assert(
      fc.asyncProperty(whiles, async (steps) => {
        let nowMs = NOW
        const now = () => nowMs
        const store = new MemoryRollupStore(now)
        const processors = await Promise.all(
          Array.from({ length: PARTITIONS }, (_, number) =>
            PartitionProcessor.claim({
              partition: partitionId('mesh.requests', number),
              store,
              now,
              limits: { series: DEFAULT_SERIES_LIMITS, top: DEFAULT_TOP_LIMITS, rules: {} },
              flows: { routes: new RouteTemplates(), defaultCluster: 'east' },
              setAside: async () => {},
            }),
          ),
        )
        const engineOf = (cacheBytes: number) =>
          new QueryEngine({ stores: [{ name: 'local', store }], now, cacheBytes })
        const engines = CACHES.map(engineOf)
        for (const { elapsedMs, events, late } of steps) {
          nowMs += elapsedMs
          const arrived = [...events, ...late].map((event) => ({ ...event, timeMs: nowMs + event.timeMs }))
          await Promise.all(processors.map((processor, i) => fold(processor, share(arrived, i), nowMs)))
          const want = await everyAnswer(engineOf(0))
          for (const engine of engines) t.strictSame(await everyAnswer(engine), want)
        }
        kept += engines[0]!.cache.tallies.questions
        return t.passing()
      }),
      { seed: 61, numRuns: 15 },
    )
    t.ok(kept > 15 * 5, 'counts were kept')
  },
)

function share(events: readonly MeshEvent[], partition: number): MeshEvent[] {
  return events.filter((_, i) => i % PARTITIONS === partition)
}

async function fold(
  processor: PartitionProcessor,
  events: readonly MeshEvent[],
  nowMs: number,
): Promise<void> {
  const value = encodeEventBatch(columnsOf(events))
  const headers = { 'content-type': 'application/x-protobuf; proto=meshtap.v1.EventBatch' }
  const { offset } = processor
  processor.process([{ offset, timestampMs: nowMs, value, headers }], offset + 1)
  const { kind } = await processor.commit()
  if (kind !== 'committed') throw new Error(kind)
}
