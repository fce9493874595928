import fc from 'fast-check'
import t from 'tap'
import type { MeshEvent } from '../../src/event/event.ts'
import { partitionId, type StoredRecord } from '../../src/log/event-log.ts'
import { decodeStatBlock } from '../../src/rollup/stat-block-codec.ts'
import { TIERS } from '../../src/rollup/tier.ts'
import type { MemoryRollupStore } from '../memory-rollup-store.ts'
import { foldAll, plainFold, trafficEvents } from '../rollup/traffic.ts'
import { FROM, NOW, readAll, readEverything, recordOf, requestAt, worker } from './partition-rig.ts'

interface Plan {
  readonly events: readonly MeshEvent[]
  readonly partitions: number
  readonly batch: number
  /** After each batch: nothing, a commit, or a commit and a new claim. */
  readonly steps: readonly ('go-on' | 'commit' | 'restart' | 'crash')[]
}

async function run({ events, partitions, batch, steps }: Plan): Promise<MemoryRollupStore> {
  const self = worker()
  for (let p = 0; p < partitions; p++) {
    const mine = events.filter((_, i) => i % partitions === p)
    const partition = partitionId('mesh.requests', p)
    const log: StoredRecord[] = []
    for (let at = 0; at < mine.length; at += batch) log.push(recordOf(mine.slice(at, at + batch), log.length))
    let processor = await self.claim(partition)
    for (let read = 0; processor.offset < log.length; read++) {
      const { offset } = processor
      processor.process(log.slice(offset, offset + 1), log.length)
      const step = steps[read % steps.length]
      if (step === 'commit' || step === 'restart')
        t.strictSame(await processor.commit(), { kind: 'committed' })
      // A crash loses what was not committed; the next claim reads it again. Not every time, or it would never end.
      if (step === 'restart' || (step === 'crash' && read < 50)) processor = await self.claim(partition)
    }
    t.strictSame(await processor.commit(), { kind: 'committed' })
  }
  return self.store
}

t.test('any partitioning, batching, order and restart gives every reader the same', async (t) => {
  const events = fc.array(trafficEvents({ fromMs: FROM, toMs: NOW }), { maxLength: 60 })
  const step = fc.constantFrom('go-on' as const, 'commit' as const, 'restart' as const, 'crash' as const)
  await fc.assert(
    fc.asyncProperty(
      events.chain((list) =>
        fc.record({
          events: fc.shuffledSubarray(list, { minLength: list.length }),
          partitions: fc.integer({ min: 1, max: 4 }),
          batch: fc.integer({ min: 1, max: 20 }),
          steps: fc.array(step, { minLength: 1, maxLength: 6 }),
        }),
      ),
      async (plan) => {
        const one = await run({ events: plan.events, partitions: 1, batch: 1000, steps: ['commit'] })
        const many = await run(plan)
        t.strictSame(await readEverything(many), await readEverything(one))
        return t.passing()
      },
    ),
    { seed: 51, numRuns: 60 },
  )
})

t.test('what readers find is what folding the events by hand gives', async (t) => {
  const [events] = fc.sample(
    fc.array(trafficEvents({ fromMs: NOW - 9000, toMs: NOW - 1000 }), { minLength: 200, maxLength: 200 }),
    { seed: 52, numRuns: 1 },
  )
  const store = await run({ events: events!, partitions: 3, batch: 7, steps: ['commit', 'restart'] })
  const found = Object.values(await readAll(store, TIERS[1])).flat() as {
    scope: string
    stat: unknown
    top: unknown
  }[]
  const expected = Object.entries(plainFold(foldAll(events!))).map(([scope, bucket]) => {
    const { stat, top } = bucket as { stat: object[]; top: unknown }
    return { scope, stat: stat.map((series) => ({ ...series, exemplar: undefined })), top }
  })
  t.strictSame(found, expected)
})

t.test('a numbered batch counts once, however often and wherever it is sent again', async (t) => {
  const self = worker()
  const [events] = fc.sample(fc.array(trafficEvents({ fromMs: FROM, toMs: NOW }), { minLength: 5 }), {
    seed: 53,
    numRuns: 1,
  })
  const numbers = [1, 2, 1, 3, 2, 3, 1]
  const log = numbers.map((sequence, offset) => recordOf(events!, offset, { producer: 'p', sequence }))
  let processor = await self.claim('mesh.requests-0')
  for (const record of log) {
    processor.process([record], log.length)
    await processor.commit()
    processor = await self.claim('mesh.requests-0')
  }
  t.equal(processor.counters.duplicates, 4)
  t.equal(processor.counters.requests + processor.counters.connections, 3 * events!.length)
})

t.test('a record that cannot be decoded is set aside before the commit and stops nothing', async (t) => {
  const self = worker()
  const [events] = fc.sample(fc.array(trafficEvents({ fromMs: FROM, toMs: NOW }), { minLength: 3 }), {
    seed: 54,
    numRuns: 1,
  })
  const broken: StoredRecord = {
    offset: 1,
    timestampMs: NOW,
    value: new TextEncoder().encode('{"time":'),
    headers: {},
  }
  const processor = await self.claim('mesh.requests-0')
  processor.process([recordOf(events!, 0), broken, recordOf(events!, 2)], 3)
  t.equal(self.letters.length, 0)
  // The log has its memory again.
  broken.value.fill(0)
  await processor.commit()
  t.equal(self.letters.length, 1)
  t.equal(Buffer.from(self.letters[0]!.record.value).toString(), '{"time":')
  t.equal(self.letters[0]!.record.offset, 1)
  t.equal(processor.counters.deadLetters, 1)
  t.equal(processor.counters.requests + processor.counters.connections, 2 * events!.length)
  t.equal((await self.claim('mesh.requests-0')).offset, 3)
})

t.test('of two writers only the later one commits', async (t) => {
  const self = worker()
  const [events] = fc.sample(fc.array(trafficEvents({ fromMs: FROM, toMs: NOW }), { minLength: 3 }), {
    seed: 55,
    numRuns: 1,
  })
  const zombie = await self.claim('mesh.requests-0')
  zombie.process([recordOf(events!, 0)], 1)
  const owner = await self.claim('mesh.requests-0')
  owner.process([recordOf(events!, 0)], 1)
  t.strictSame(await owner.commit(), { kind: 'committed' })
  t.strictSame(await zombie.commit(), { kind: 'stale-epoch', epoch: 2 })
})

t.test('a store that went back in time is rebuilt from the log, exactly', async (t) => {
  const self = worker()
  const lists = fc.sample(
    fc.array(trafficEvents({ fromMs: FROM, toMs: NOW }), { minLength: 10, maxLength: 10 }),
    {
      seed: 56,
      numRuns: 4,
    },
  )
  const log = lists.map((events, offset) => recordOf(events, offset))
  const partition = 'mesh.requests-0'
  let processor = await self.claim(partition)
  processor.process(log.slice(0, 1), 4)
  await processor.commit()
  const replica = self.store.snapshot()
  processor.process(log.slice(1, 3), 4)
  await processor.commit()
  self.store.restore(replica)
  processor.process(log.slice(3), 4)
  t.strictSame(await processor.commit(), { kind: 'offset-moved', offset: 1 })
  processor = await self.claim(partition)
  t.equal(processor.offset, 1)
  processor.process(log.slice(1), 4)
  await processor.commit()
  const straight = await run({ events: lists.flat(), partitions: 1, batch: 10, steps: ['commit'] })
  t.strictSame(await readEverything(self.store), await readEverything(straight))
})

t.test('times out of bounds count in the totals and open no bucket', async (t) => {
  const self = worker()
  const at = (timeMs: number): MeshEvent => ({
    kind: 'request',
    timeMs,
    direction: 'inbound',
    destination: { namespace: 'emojivoto', name: 'web' },
    latencyMicros: 5,
    status: 200,
  })
  const processor = await self.claim('mesh.requests-0')
  const week = 7 * 86_400_000
  processor.process([recordOf([at(NOW + 3_600_000), at(NOW - week - 3_600_000), at(NOW)], 0)], 1)
  await processor.commit()
  t.equal(processor.counters.future, 1)
  t.equal(processor.counters.expired, 1)
  const totals = (await readAll(self.store, 'total')) as Record<number, { stat: { outcomes: string[] }[] }[]>
  t.match(totals[0]![0]!.stat[0]!.outcomes[0], / 3$/)
  const snapshot = await self.store.read('mesh.requests-0', () => [])
  t.strictSame(snapshot?.meta.openMs, [Math.floor(NOW / 10_000) * 10_000])
})

t.test(
  'totals and ten-second buckets keep a trace, the longer tiers and what is from the future do not',
  async (t) => {
    const self = worker()
    const digits = (digit: string) => digit.repeat(32)
    const at = (timeMs: number, traceId: string): MeshEvent => ({
      kind: 'request',
      timeMs,
      direction: 'inbound',
      destination: { namespace: 'emojivoto', name: 'web' },
      latencyMicros: 5,
      traceId,
    })
    const processor = await self.claim('mesh.requests-0')
    processor.process([recordOf([at(NOW - 60_000, digits('a')), at(NOW + 3_600_000, digits('f'))], 0)], 2)
    // It closes the first one's bucket.
    processor.process([recordOf([at(NOW, digits('b'))], 1)], 2)
    await processor.commit()
    const found = await self.store.read('mesh.requests-0', () => [
      { address: { kind: 'total' } },
      ...[...TIERS].map(({ name, bucketMs }) => {
        const startMs = Math.floor((NOW - 60_000) / bucketMs) * bucketMs
        return { address: { kind: 'stat', tier: name, startMs } } as const
      }),
    ])
    const traces = found!.blobs.map(({ address, blob }) => [
      address.kind === 'total' ? 'total' : address.tier,
      Buffer.from(decodeStatBlock(blob).exemplars.traceIds).toString('hex'),
    ])
    t.strictSame(traces, [
      ['total', digits('a')],
      ['10s', digits('a')],
      ['1m', ''],
      ['10m', ''],
    ])
  },
)

t.test('the totals of a series idle for an hour are dropped whole', async (t) => {
  const self = worker()
  const event = (name: string, timeMs: number): MeshEvent => ({
    kind: 'request',
    timeMs,
    direction: 'inbound',
    destination: { namespace: name, name },
    latencyMicros: 5,
  })
  const processor = await self.claim('mesh.requests-0')
  processor.process([recordOf([event('idle', NOW), event('busy', NOW)], 0)], 1)
  await processor.commit()
  for (let minute = 1; minute <= 75; minute++) {
    self.nowMs = NOW + minute * 60_000
    processor.process([recordOf([event('busy', self.nowMs)], minute)], minute + 1)
    await processor.commit()
  }
  const snapshot = await self.store.read('mesh.requests-0', () => [{ address: { kind: 'total' } }])
  t.strictSame(
    snapshot?.blobs.map(({ scope }) => scope),
    ['east/busy'],
  )
})

t.test('silence of a log that is known to hold more moves no watermark on', async (t) => {
  const self = worker()
  const behindMs = NOW - 600_000
  const processor = await self.claim('mesh.requests-0')
  processor.process([recordOf([requestAt(behindMs)], 0)], 1000)
  self.nowMs = NOW + 31_000
  await processor.commit()
  t.equal(processor.watermarkMs, behindMs)
  processor.process([recordOf([requestAt(behindMs)], 999)], 1000)
  await processor.commit()
  t.equal(processor.watermarkMs, self.nowMs, 'until its end is reached')
})

t.test(
  'the totals of a series that is idle stay while its pod has others: their sum must not fall',
  async (t) => {
    const self = worker()
    const event = (pod: string, path: string, timeMs: number): MeshEvent => ({
      kind: 'request',
      timeMs,
      direction: 'inbound',
      destination: { namespace: 'emojivoto', name: 'web', pod },
      path,
      latencyMicros: 5,
    })
    const processor = await self.claim('mesh.requests-0')
    const first = [event('web-1', '/once', NOW), event('web-1', '/often', NOW), event('web-2', '/once', NOW)]
    processor.process([recordOf(first, 0)], 1)
    await processor.commit()
    for (let minute = 1; minute <= 75; minute++) {
      self.nowMs = NOW + minute * 60_000
      processor.process([recordOf([event('web-1', '/often', self.nowMs)], minute)], minute + 1)
      await processor.commit()
    }
    const snapshot = await self.store.read('mesh.requests-0', () => [{ address: { kind: 'total' } }])
    const { keys } = decodeStatBlock(snapshot!.blobs[0]!.blob)
    t.strictSame(
      keys.map(({ pod, route }) => `${pod}${route}`),
      ['web-1/often', 'web-1/once'],
    )
  },
)

t.test('records that retention deleted unread are counted as missing', async (t) => {
  const self = worker()
  const processor = await self.claim('mesh.requests-0')
  processor.process([recordOf([], 7)], 8)
  t.equal(processor.counters.missingOffsets, 7)
  t.equal(processor.offset, 8)
})

t.test('a partition of which nothing comes after a claim is current, and its buckets close', async (t) => {
  const self = worker()
  const partition = 'mesh.requests-0'
  const first = await self.claim(partition)
  first.process([recordOf([requestAt(NOW)], 0)], 1)
  await first.commit()
  const second = await self.claim(partition)
  self.nowMs += 5_000
  await second.commit()
  const meta = async () => (await self.store.read(partition, () => []))!.meta
  t.equal((await meta()).watermarkMs, NOW, 'not yet: the log may only be slow')
  self.nowMs += 60_000
  await second.commit()
  t.equal((await meta()).watermarkMs, self.nowMs)
  t.strictSame((await meta()).openMs, [])
})

t.test('a partition of which nothing ever came has no watermark', async (t) => {
  const self = worker()
  const processor = await self.claim('mesh.requests-0')
  self.nowMs += 3_600_000
  await processor.commit()
  t.equal((await self.store.read('mesh.requests-0', () => []))!.meta.watermarkMs, 0)
})

t.test('connections alone move the watermark and close buckets while a log is read again', async (t) => {
  const self = worker()
  const processor = await self.claim('mesh.requests-0')
  const last = NOW - 3_600_000 + 50 * 10_000
  for (let i = 0; i <= 50; i++) {
    const event: MeshEvent = {
      kind: 'connection',
      timeMs: NOW - 3_600_000 + i * 10_000,
      direction: 'inbound',
      destination: { namespace: 'emojivoto', name: 'web' },
      opened: 1,
    }
    processor.process([recordOf([event], i)], 1000)
    await processor.commit()
  }
  const { meta } = (await self.store.read('mesh.requests-0', () => []))!
  t.equal(meta.watermarkMs, last)
  t.strictSame(meta.openMs, [last - 10_000, last])
})

t.test(
  'an event as old as the longest tier keeps is found, and survives a restart before its bucket closes',
  async (t) => {
    const self = worker(NOW + 300_000)
    const count = async () => {
      const totals = (await readAll(self.store, 'total')) as Record<
        number,
        { stat: { outcomes: string[] }[] }[]
      >
      return totals[0]?.[0]?.stat[0]?.outcomes[0]
    }
    // A week and a minute ago, in a 10 min bucket that ended less than a week ago.
    const first = await self.claim('mesh.requests-0')
    first.process([recordOf([requestAt(self.nowMs - 7 * 86_400_000 - 60_000)], 0)], 2)
    await first.commit()
    t.match(await count(), / 1$/)
    const second = await self.claim('mesh.requests-0')
    second.process([recordOf([requestAt(self.nowMs)], 1)], 2)
    await second.commit()
    t.match(await count(), / 2$/)
  },
)

t.test('a store that lost a commit which only closed a bucket is rebuilt, exactly', async (t) => {
  const self = worker()
  const partition = 'mesh.requests-0'
  const log = [recordOf([requestAt(NOW)], 0), recordOf([requestAt(NOW + 100_000)], 1)]
  let processor = await self.claim(partition)
  processor.process(log.slice(0, 1), 1)
  await processor.commit()
  const replica = self.store.snapshot()
  self.nowMs += 100_000
  await processor.commit()
  t.strictSame((await self.store.read(partition, () => []))!.meta.openMs, [], 'closed by the clock')
  self.store.restore(replica)
  processor.process(log.slice(1), 2)
  t.strictSame(await processor.commit(), { kind: 'offset-moved', offset: 1 })
  processor = await self.claim(partition)
  processor.process(log.slice(1), 2)
  await processor.commit()
  const totals = (await readAll(self.store, 'total')) as Record<number, { stat: { outcomes: string[] }[] }[]>
  t.match(totals[0]![0]!.stat[0]!.outcomes[0], / 2$/)
})

t.test('a record of any content type may be numbered by its headers', async (t) => {
  const self = worker()
  const event = JSON.stringify({
    time: NOW,
    direction: 'inbound',
    destination: { namespace: 'emojivoto', name: 'web' },
    latencyMicros: 5,
  })
  const log: StoredRecord[] = []
  const add = (value: Uint8Array, headers: Record<string, string>) =>
    log.push({ offset: log.length, timestampMs: NOW, value, headers })
  const json = (headers: Record<string, string>) => add(new TextEncoder().encode(event), headers)
  const number = (producer: string, sequence: number) => ({
    'meshtap-producer': producer,
    'meshtap-sequence': String(sequence),
  })
  json(number('p', 1))
  json(number('p', 1))
  json(number('p', 2))
  json(number('q', 1))
  json({})
  json({})
  // A number of the value's own is the one that counts, and of the same kind.
  const batch = recordOf([requestAt(NOW)], 0, { producer: 'p', sequence: 3 })
  add(batch.value, { ...batch.headers, ...number('p', 2) })
  json(number('p', 3))
  const plain = recordOf([requestAt(NOW)], 0)
  add(plain.value, { ...plain.headers, ...number('p', 4) })
  add(plain.value, { ...plain.headers, ...number('p', 4) })
  json({ 'meshtap-producer': 'p' })
  json({ 'meshtap-producer': 'p', 'meshtap-sequence': 'five' })
  let processor = await self.claim('mesh.requests-0')
  for (const record of log) {
    processor.process([record], log.length)
    await processor.commit()
    processor = await self.claim('mesh.requests-0')
  }
  t.match(processor.counters, { requests: 7, duplicates: 3, deadLetters: 2 })
  t.strictSame(
    self.letters.map(({ record, fault }) => [record.offset, fault.reason, fault.at]),
    [
      [10, 'number', 'meshtap-producer'],
      [11, 'number', 'meshtap-sequence'],
    ],
  )
})

t.test('records whose events are of many times are folded up to where a commit is due', async (t) => {
  const self = worker()
  const hour = 3_600_000
  const log = Array.from({ length: 1000 }, (_, i) => recordOf([requestAt(NOW - 6 * hour + i * 10_000)], i))
  const processor = await self.claim('mesh.requests-0')
  let most = 0
  let commits = 0
  for (let rest: readonly StoredRecord[] = log; rest.length > 0;) {
    const done = processor.process(rest, log.length)
    t.equal(processor.isCommitDue, done < rest.length)
    rest = rest.slice(done)
    await processor.commit()
    commits++
    const { openMs } = (await self.store.read('mesh.requests-0', () => []))!.meta
    most = Math.max(most, openMs.length)
  }
  t.equal(processor.offset, 1000)
  t.equal(commits, 4)
  t.ok(most <= 2)
  const totals = (await readAll(self.store, 'total')) as Record<number, { stat: { outcomes: string[] }[] }[]>
  t.match(totals[0]![0]!.stat[0]!.outcomes[0], / 1000$/)
})

t.test('a commit is due for few but large dead letters', async (t) => {
  const self = worker()
  const value = new Uint8Array(2 ** 20).fill(7)
  const log = Array.from({ length: 40 }, (_, offset) => ({ offset, timestampMs: NOW, value, headers: {} }))
  const processor = await self.claim('mesh.requests-0')
  t.equal(processor.process(log, 40), 17)
  await processor.commit()
  t.equal(self.letters.length, 17)
  t.equal(processor.process(log.slice(17), 40), 17)
})

t.test('buckets that are past when they close are written to the higher tiers only', async (t) => {
  const self = worker()
  const partition = 'mesh.requests-0'
  const hour = 3_600_000
  const processor = await self.claim(partition)
  const addresses: string[] = []
  const commit = self.store.commit.bind(self.store)
  self.store.commit = (change) => {
    for (const { address } of [...change.writes, ...change.expiries]) {
      addresses.push(address.kind === 'total' ? 'total' : `${address.kind} ${address.tier}`)
    }
    return commit(change)
  }
  const log = Array.from({ length: 100 }, (_, i) => recordOf([requestAt(NOW - hour + i * 10_000)], i))
  processor.process(log, 1000)
  await processor.commit()
  const last = [...new Set(addresses.splice(0))].toSorted((a, b) => a.localeCompare(b))
  t.strictSame(last, ['stat 10m', 'stat 10s', 'stat 1m', 'top 10m', 'top 10s', 'top 1m', 'total'])
  const { meta } = (await self.store.read(partition, () => []))!
  t.strictSame(
    meta.openMs,
    [NOW - hour + 990_000 - 10_000, NOW - hour + 990_000],
    'of the finest, only what is open',
  )
  // What was written while it was open goes when it closes.
  processor.process([recordOf([requestAt(NOW - hour + 1_200_000)], 100)], 1000)
  await processor.commit()
  const readOf = async (startMs: number) =>
    (await self.store.read(partition, () => [{ address: { kind: 'stat', tier: '10s', startMs } }]))!.blobs
      .length
  t.equal(await readOf(meta.openMs[0]!), 0)
  t.equal(await readOf(meta.openMs[1]!), 0)
  t.equal(await readOf(NOW - hour + 1_200_000), 1)
  const totals = (await readAll(self.store, 'total')) as Record<number, { stat: { outcomes: string[] }[] }[]>
  t.match(totals[0]![0]!.stat[0]!.outcomes[0], / 101$/)
})
