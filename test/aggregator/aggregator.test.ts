import t, { type Test } from 'tap'
import {
  Aggregator,
  type AggregatorOptions,
  type AggregatorTrouble,
} from '../../src/aggregator/aggregator.ts'
import { encodeEventBatch } from '../../src/event/event-batch-encoder.ts'
import type { LogRecord, StoredRecord } from '../../src/log/event-log.ts'
import { EmbeddedEventLog } from '../../src/log/embedded/embedded-event-log.ts'
import { RouteTemplates } from '../../src/rollup/route.ts'
import { DEFAULT_SERIES_LIMITS } from '../../src/rollup/rollup.ts'
import { decodeStatBlock } from '../../src/rollup/stat-block-codec.ts'
import { DEFAULT_TOP_LIMITS } from '../../src/rollup/top-rollup.ts'
import { StoreError } from '../../src/store/rollup-store.ts'
import { MemoryRollupStore } from '../memory-rollup-store.ts'
import { columnsOf } from '../rollup/traffic.ts'
import { recordOf, requestAt } from './partition-rig.ts'
import { ScriptedLog } from './scripted-log.ts'

const TOPIC = 'mesh.requests'

function requests(count: number, numbered?: { producer: string; sequence: number }): LogRecord {
  const columns = columnsOf(
    Array.from({ length: count }, () => ({
      kind: 'request',
      timeMs: Date.now(),
      direction: 'inbound',
      destination: { namespace: 'emojivoto', name: 'web', pod: 'web-1' },
      latencyMicros: 1000,
      status: 200,
    })),
  )
  return {
    key: 'proxy',
    headers: { 'content-type': 'application/x-protobuf; proto=meshtap.v1.EventBatch' },
    value: encodeEventBatch(Object.assign(columns, numbered)),
  }
}

/** Requests in the totals and the open buckets of all partitions: what was committed. */
async function committed(store: MemoryRollupStore): Promise<number> {
  let sum = 0
  for (const partition of await store.partitions()) {
    const snapshot = await store.read(partition, ({ openMs }) => [
      { address: { kind: 'total' } },
      ...openMs.map((startMs) => ({ address: { kind: 'stat', tier: '10s', startMs } as const })),
    ])
    for (const { blob } of snapshot?.blobs ?? []) {
      sum += decodeStatBlock(blob).outcomeCount.reduce((a, b) => a + b, 0)
    }
  }
  return sum
}

async function until(isTrue: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 500; tries++) {
    if (await isTrue()) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error('it did not come to pass within 10 s')
}

async function deadLetters(log: EmbeddedEventLog): Promise<StoredRecord[]> {
  const letters: StoredRecord[] = []
  for (const partition of await log.partitions('mesh.requests.dead')) {
    for await (const { records } of log.readSince(partition, 0)) letters.push(...records)
  }
  return letters
}

async function rig(
  t: Test,
  observe?: AggregatorOptions['observe'],
  now = Date.now,
  more: Partial<AggregatorOptions> = {},
) {
  const log = await EmbeddedEventLog.open({
    path: t.testdir(),
    partitions: 2,
    maxBytes: 64 * 2 ** 20,
    maxAgeMs: 3_600_000,
  })
  const store = new MemoryRollupStore(Date.now)
  const troubles: AggregatorTrouble[] = []
  const make = () =>
    new Aggregator({
      log,
      topic: TOPIC,
      deadLetterTopic: 'mesh.requests.dead',
      flushMs: 50,
      processor: {
        store,
        now,
        limits: { series: DEFAULT_SERIES_LIMITS, top: DEFAULT_TOP_LIMITS, rules: {} },
        flows: { routes: new RouteTemplates(), defaultCluster: 'east' },
      },
      ...(observe === undefined ? {} : { observe }),
      onTrouble: (trouble) => troubles.push(trouble),
      onFatal: (error) => t.fail(String(error)),
      ...more,
    })
  const start = async () => {
    const aggregator = make()
    await aggregator.start()
    return aggregator
  }
  t.teardown(() => log.close())
  return { log, store, troubles, make, start }
}

t.test(
  'what is appended is committed within the flush time, and what was not is on the next start',
  async (t) => {
    const { log, store, start } = await rig(t)
    const first = await start()
    await log.append(TOPIC, [requests(3), requests(4)])
    await until(async () => (await committed(store)) === 7)
    await first.close()
    await log.append(TOPIC, [requests(5)])
    t.equal(await committed(store), 7)
    const second = await start()
    t.teardown(() => second.close())
    await until(async () => (await committed(store)) === 12)
    await until(() => second.isReady)
  },
)

t.test('closing commits what was folded', async (t) => {
  const { log, store, start } = await rig(t)
  const aggregator = await start()
  await log.append(TOPIC, [requests(9)])
  await until(() => aggregator.processors().some(({ counters }) => counters.requests === 9))
  await aggregator.close()
  t.equal(await committed(store), 9)
  await aggregator.close()
})

t.test('a store that does not answer is waited for, and nothing is lost or counted twice', async (t) => {
  const { log, store, troubles, start } = await rig(t)
  const aggregator = await start()
  t.teardown(() => aggregator.close())
  await log.append(TOPIC, [requests(2)])
  await until(async () => (await committed(store)) === 2)
  store.failure = new StoreError('STORE_UNAVAILABLE', 'the store is away')
  await log.append(TOPIC, [requests(3)])
  await until(() => troubles.some(({ kind, message }) => kind === 'store' && message === 'the store is away'))
  await until(() => !aggregator.isReady)
  store.failure = undefined
  await until(async () => (await committed(store)) === 5)
  await log.append(TOPIC, [requests(1)])
  await until(async () => (await committed(store)) === 6)
})

t.test('a store that lost everything is rebuilt from the log', async (t) => {
  const { log, store, troubles, start } = await rig(t)
  const aggregator = await start()
  t.teardown(() => aggregator.close())
  const empty = store.snapshot()
  await log.append(TOPIC, [requests(2), requests(2)])
  await until(async () => (await committed(store)) === 4)
  store.restore(empty)
  await log.append(TOPIC, [requests(1)])
  await until(async () => (await committed(store)) === 5)
  t.ok(troubles.some(({ kind }) => kind === 'store-moved'))
})

t.test('a partition that another worker claimed is let go', async (t) => {
  const { log, store, troubles, start } = await rig(t)
  const aggregator = await start()
  await log.append(TOPIC, [requests(2)])
  await until(async () => (await committed(store)) === 2)
  for (const partition of await store.partitions()) await store.claim(partition)
  await log.append(TOPIC, [requests(3)])
  await until(() => troubles.some(({ kind }) => kind === 'stale-epoch'))
  t.equal(aggregator.isReady, false)
  t.equal(await committed(store), 2)
  // Does not wait for the next claim, which would be 10 s away.
  await aggregator.close()
})

t.test('what cannot be decoded is in the dead letters with its place and reason', async (t) => {
  const { log, store, start } = await rig(t)
  const aggregator = await start()
  t.teardown(() => aggregator.close())
  await log.append(TOPIC, [
    requests(1),
    { key: 'proxy', headers: { 'content-type': 'text/plain' }, value: Uint8Array.of(1, 2, 3) },
    requests(1),
  ])
  await until(async () => (await committed(store)) === 2)
  const letters = await deadLetters(log)
  t.equal(letters.length, 1)
  const { value, headers } = letters[0]!
  t.strictSame([...value], [1, 2, 3])
  t.equal(headers['content-type'], 'text/plain')
  t.equal(headers['meshtap-reason'], 'content-type')
  t.match(headers['meshtap-partition'], /^mesh\.requests-[01]$/)
  t.equal(headers['meshtap-offset'], '1')
})

t.test('a clock that is set back keeps no commit waiting', async (t) => {
  let backMs = 0
  const { log, store, start } = await rig(t, undefined, () => Date.now() - backMs)
  const aggregator = await start()
  t.teardown(() => aggregator.close())
  await log.append(TOPIC, [requests(2)])
  await until(async () => (await committed(store)) === 2)
  backMs = 3_600_000
  await log.append(TOPIC, [requests(1)])
  await until(async () => (await committed(store)) === 3)
  t.ok(aggregator.isReady)
})

t.test('a fold that fails half-way is done again from what was committed', async (t) => {
  let failures = 0
  const { log, store, start } = await rig(t, (columns) => {
    if (columns.sequence !== 2 || failures++ > 0) return
    throw new Error('no memory, say')
  })
  const aggregator = await start()
  t.teardown(() => aggregator.close())
  const numbers = [1, 2, 3]
  await log.append(
    TOPIC,
    numbers.map((sequence) => requests(2, { producer: 'p', sequence })),
  )
  await until(() => aggregator.processors().some(({ offset }) => offset === 3))
  await until(async () => (await committed(store)) === 6)
  const counters = aggregator.processors().map((processor) => processor.counters)
  t.equal(
    counters.reduce((sum, { requests }) => sum + requests, 0),
    6,
  )
  t.ok(failures > 1)
})

t.test('what is folded anew because the store went back is not observed again', async (t) => {
  const observed: string[] = []
  const { log, store, troubles, start } = await rig(t, (_columns, _cluster, { partition, offset }) =>
    observed.push(`${partition}@${offset}`),
  )
  const aggregator = await start()
  t.teardown(() => aggregator.close())
  for (let i = 0; i < 6; i++) await log.append(TOPIC, [requests(1)])
  await until(async () => (await committed(store)) === 6)
  store.loseAll()
  for (let i = 0; i < 3; i++) await log.append(TOPIC, [requests(1)])
  await until(async () => (await committed(store)) === 9)
  t.ok(troubles.some(({ kind }) => kind === 'store-moved'))
  t.equal(observed.length, 9)
  t.equal(new Set(observed).size, 9)
})

t.test('a dead letter as long as the log takes records stops nothing', async (t) => {
  const { log, store, start } = await rig(t)
  const aggregator = await start()
  t.teardown(() => aggregator.close())
  const value = new Uint8Array(1_048_500).fill(7)
  const short = Uint8Array.of(1, 2, 3)
  await log.append(TOPIC, [
    { key: 'proxy', headers: {}, value },
    { key: 'proxy', headers: {}, value: short },
    requests(2),
  ])
  await until(async () => (await committed(store)) === 2)
  const letters = await deadLetters(log)
  t.equal(letters.length, 2)
  t.equal(letters[0]!.headers['meshtap-cut'], '1048500')
  t.ok(Buffer.from(value).subarray(0, letters[0]!.value.length).equals(letters[0]!.value))
  t.ok(letters[0]!.value.length > 1_000_000)
  t.strictSame([...letters[1]!.value], [...short])
  t.equal(letters[1]!.headers['meshtap-cut'], undefined)
})

t.test('closing while it starts leaves nothing running', async (t) => {
  const { log, make } = await rig(t)
  const aggregator = make()
  const starting = aggregator.start()
  await aggregator.close()
  await starting
  t.equal(log.stats.subscriptions, 0)
})

t.test('two workers that read one log share it without a count lost or doubled', async (t) => {
  const { log, store, troubles, start } = await rig(t, undefined, Date.now, {
    timing: { heartbeatMs: 50, reclaimMs: 250 },
  })
  const first = await start()
  let appended = 0
  const append = async () => {
    for (let i = 1; i <= 10; i++) {
      await log.append(TOPIC, [{ ...requests(i), key: `proxy-${i}` }])
      appended += i
    }
  }
  await append()
  await until(async () => (await committed(store)) === appended)
  const second = await start()
  for (let i = 0; i < 5; i++) {
    await append()
    await until(async () => (await committed(store)) === appended)
  }
  t.ok(second.isReady)
  t.notOk(first.isReady)
  t.equal(troubles.filter(({ kind }) => kind === 'stale-epoch').length, 2, 'once a partition')
  await second.close()
  await append()
  await until(async () => (await committed(store)) === appended)
  t.ok(first.isReady)
  t.match(first.stats, { claims: 4, reclaims: 2, troubles: { 'stale-epoch': 2, 'store-moved': 0 } })
  await first.close()
  t.equal(await committed(store), appended)
})

t.test('what a worker does can be observed', async (t) => {
  const { log, store, start } = await rig(t)
  const aggregator = await start()
  t.teardown(() => aggregator.close())
  await until(() => aggregator.isReady)
  await log.append(TOPIC, [requests(3), requests(4)])
  await until(async () => (await committed(store)) === 7)
  const { partitions, commits, ...counts } = aggregator.stats
  t.same(counts, {
    claims: 2,
    reclaims: 0,
    troubles: { store: 0, log: 0, 'stale-epoch': 0, 'store-moved': 0 },
    deadLetters: {},
  })
  t.ok(commits.count >= 1 && commits.bytes > 100)
  t.ok(commits.maxMs >= commits.lastMs && commits.totalMs >= commits.maxMs && commits.lastMs > 0)
  t.equal(partitions.length, 2)
  const busy = partitions.find(({ offset }) => offset > 0)!
  t.match(busy, { epoch: 1, offset: 2, endOffset: 2, lag: 0, counters: { requests: 7, records: 2 } })
  t.ok(busy.watermarkDelayMs < 5000 && busy.watermarkMs > Date.now() - 5000)
  const idle = partitions.find(({ offset }) => offset === 0)!
  t.match(idle, { epoch: 1, offset: 0, endOffset: 0, lag: 0, watermarkMs: 0, watermarkDelayMs: 0 })
  t.equal(aggregator.stats.partitions[0]!.counters === partitions[0]!.counters, false, 'a copy')
})

t.test('events of a mirrored topic that name no cluster are of the cluster that it names', async (t) => {
  const log = new ScriptedLog()
  const seen: string[] = []
  const { store, make } = await rig(t, (_columns, cluster) => seen.push(cluster), Date.now, { log })
  const aggregator = make()
  await aggregator.start()
  t.teardown(() => aggregator.close())
  const named = { ...requestAt(Date.now()), destination: { cluster: 'north', namespace: 'a', name: 'web' } }
  for (const [partition, cluster] of [
    ['mesh.requests-0', 'east'],
    ['west.mesh.requests-0', 'west'],
    ['eu.south.mesh.requests-3', 'eu.south'],
  ] as const) {
    t.equal(await log.handler.assigned(partition), 0)
    await log.give(partition, [recordOf([requestAt(Date.now()), named], 0)])
    await log.handler.revoked(partition)
    const { openMs } = (await store.read(partition, () => []))!.meta
    const snapshot = await store.read(partition, () => [
      { address: { kind: 'stat', tier: '10s', startMs: openMs[0]! } },
    ])
    t.same(
      snapshot?.blobs.map(({ scope }) => scope).toSorted(),
      [`${cluster}/emojivoto`, 'north/a'].toSorted(),
    )
  }
  t.same(seen, ['east', 'west', 'eu.south'])
  t.same(aggregator.stats.partitions, [])
})

t.test('a worker is ready when all it was given is claimed, and a spare one after a while', async (t) => {
  const log = new ScriptedLog()
  const { store, make } = await rig(t, undefined, Date.now, { log, timing: { holdMs: 50 } })
  const aggregator = make()
  t.notOk(aggregator.isReady, 'not started')
  await aggregator.start()
  t.teardown(() => aggregator.close())
  t.notOk(aggregator.isReady, 'nothing was assigned yet')
  store.failure = new StoreError('STORE_UNAVAILABLE', 'away')
  const assigning = log.handler.assigned('mesh.requests-0')
  t.notOk(aggregator.isReady)
  await t.rejects(assigning, { code: 'NOT_CLAIMED' })
  t.notOk(aggregator.isReady, 'it could not be claimed, and will be asked for again')
  store.failure = undefined
  await log.handler.assigned('mesh.requests-0')
  t.ok(aggregator.isReady)
  await log.handler.assigned('mesh.requests-1')
  await log.handler.revoked('mesh.requests-0')
  t.ok(aggregator.isReady)
  t.equal(aggregator.processors().length, 1)
})

t.test('a partition that was revoked meanwhile is not sought', async (t) => {
  const log = new ScriptedLog()
  const { store, troubles, make } = await rig(t, undefined, Date.now, { log, flushMs: 20 })
  const aggregator = make()
  await aggregator.start()
  t.teardown(() => aggregator.close())
  await log.handler.assigned('mesh.requests-0')
  await log.give('mesh.requests-0', [recordOf([requestAt(Date.now())], 0)])
  store.restore(new Map())
  await until(() => troubles.some(({ kind }) => kind === 'store-moved'))
  await until(() => log.seeks.length === 1)
  t.same(log.seeks, [{ partition: 'mesh.requests-0', offset: 0 }])
  store.restore(new Map())
  await log.give('mesh.requests-0', [recordOf([requestAt(Date.now())], 0)])
  await log.handler.revoked('mesh.requests-0')
  await new Promise((resolve) => setTimeout(resolve, 60))
  t.equal(log.seeks.length, 1)
})
