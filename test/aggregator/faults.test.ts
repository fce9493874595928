import fc from 'fast-check'
import t from 'tap'
import type { PartitionProcessor } from '../../src/aggregator/partition-processor.ts'
import type { MeshEvent } from '../../src/event/event.ts'
import type { StoredRecord } from '../../src/log/event-log.ts'
import { trafficEvents } from '../rollup/traffic.ts'
import { FROM, NOW, readEverything, recordOf, worker } from './partition-rig.ts'

const PARTITION = 'mesh.requests-0'

/** Each is done by, or to, one of three workers that all read the partition. */
const steps = fc.oneof(
  { weight: 1, arbitrary: fc.constant({ kind: 'claim' as const, records: 0 }) },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('fold' as const), records: fc.integer({ min: 1, max: 4 }) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constantFrom(
        'commit' as const,
        'commit' as const,
        'commit' as const,
        // The store has it, and the worker does not know.
        'commit-unanswered' as const,
        'idle' as const,
        'idle' as const,
        'lose-commits' as const,
        'lose-all' as const,
      ),
      records: fc.integer({ min: 1, max: 3 }),
    }),
  },
)
/** Mostly the first, so that it often goes on undisturbed. */
const who = fc.oneof(
  { weight: 4, arbitrary: fc.constant(0) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 2 }) },
)
const plans = fc.record({
  batches: fc.array(fc.array(trafficEvents({ fromMs: FROM, toMs: NOW }), { minLength: 1, maxLength: 4 }), {
    minLength: 1,
    maxLength: 12,
  }),
  /** Which batches are numbered, and sent again at the end. */
  numbered: fc.array(fc.boolean(), { maxLength: 12 }),
  steps: fc.array(fc.tuple(who, steps), { minLength: 20, maxLength: 60, size: 'max' }),
})

/** The log of batches: numbered ones are in it twice, and among them is what cannot be decoded. */
function logOf(batches: readonly (readonly MeshEvent[])[], numbered: readonly boolean[]): StoredRecord[] {
  const log: StoredRecord[] = []
  const add = (record: StoredRecord) => log.push({ ...record, offset: log.length })
  const send = (i: number) =>
    numbered[i] === true
      ? add(recordOf(batches[i]!, 0, { producer: 'p', sequence: i + 1 }))
      : add(recordOf(batches[i]!, 0))
  for (const i of batches.keys()) {
    send(i)
    if (i % 3 === 0) add({ ...recordOf([], 0), value: Uint8Array.of(255) })
  }
  for (const i of batches.keys()) if (numbered[i] === true) send(i)
  return log
}

/** As if the log held no more yet, so that what comes after may come late. */
function fold(
  processor: PartitionProcessor | undefined,
  log: readonly StoredRecord[],
  records: number,
): void {
  const taken = log.slice(processor?.offset, (processor?.offset ?? 0) + records)
  if (taken.length > 0) processor?.process(taken, taken.at(-1)!.offset + 1)
}

/** Folds and commits all that is left, as a worker that nothing happens to. */
async function finish(self: ReturnType<typeof worker>, log: readonly StoredRecord[]) {
  const processor = await self.claim(PARTITION)
  processor.process(log.slice(processor.offset), log.length)
  t.strictSame(await processor.commit(), { kind: 'committed' })
  return processor.counters
}

t.test('whatever happens to workers and store, what is left is what one straight run leaves', async (t) => {
  let refused = 0
  await fc.assert(
    fc.asyncProperty(plans, async ({ batches, numbered, steps }) => {
      const log = logOf(batches, numbered)
      const self = worker()
      const workers: (PartitionProcessor | undefined)[] = [await self.claim(PARTITION)]
      const states = [self.store.snapshot()]
      for (const [at, step] of steps) {
        const processor = workers[at]
        switch (step.kind) {
          case 'claim':
            workers[at] = await self.claim(PARTITION)
            break
          case 'fold':
            fold(processor, log, step.records)
            break
          case 'commit':
          case 'commit-unanswered': {
            if (processor === undefined) break
            const outcome = await processor.commit()
            states.push(self.store.snapshot())
            if (outcome.kind !== 'committed') refused++
            // It claims anew at once, as workers do.
            if (outcome.kind !== 'committed' || step.kind !== 'commit')
              workers[at] = await self.claim(PARTITION)
            break
          }
          case 'idle':
            self.nowMs += step.records * 20_000
            break
          case 'lose-commits':
            states.splice(Math.max(1, states.length - step.records))
            self.store.restore(states.at(-1)!)
            break
          case 'lose-all':
            self.store.restore(states[0]!)
            break
        }
      }
      const counters = await finish(self, log)
      const straight = worker(self.nowMs)
      const expected = await finish(straight, log)
      for (const name of [
        'requests',
        'connections',
        'duplicates',
        'deadLetters',
        'missingOffsets',
      ] as const) {
        t.equal(counters[name], expected[name], name)
      }
      t.strictSame(await readEverything(self.store), await readEverything(straight.store))
      return t.passing()
    }),
    { seed: 71, numRuns: 150 },
  )
  t.ok(refused > 300, `${refused} commits were refused`)
})
