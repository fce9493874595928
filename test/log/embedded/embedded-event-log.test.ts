import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { EmbeddedEventLog } from '../../../src/log/embedded/embedded-event-log.ts'
import { openLmdb } from '../../../src/log/embedded/lmdb-database.ts'
import { FORMAT_KEY } from '../../../src/log/embedded/log-keys.ts'
import { LogError, type LogRecord, type PartitionId, type StoredRecord } from '../../../src/log/event-log.ts'
import { offsetAfter, RecordingHandler } from '../../contracts/recording-handler.ts'
import { openEmbedded } from './open-embedded.ts'

function text(value: string, key?: string): LogRecord {
  return { ...(key === undefined ? {} : { key }), value: Buffer.from(value), headers: {} }
}

async function readAll(log: EmbeddedEventLog, partition: PartitionId): Promise<StoredRecord[]> {
  const all: StoredRecord[] = []
  for await (const { records } of log.readSince(partition, 0)) all.push(...records)
  return all
}

t.test('keys go where Kafka puts them, records without a key to each partition in turn', async (t) => {
  const { log } = await openEmbedded(t, { partitions: 50 })
  await log.append('topic', [text('', 'foobar')])
  t.equal((await readAll(log, 'topic-16')).length, 1)
  await log.append(
    'other',
    Array.from({ length: 100 }, () => text('')),
  )
  for (const partition of await log.partitions('other')) t.equal((await readAll(log, partition)).length, 2)
})

t.test('appends that come at the same time share transactions', async (t) => {
  const { log } = await openEmbedded(t)
  await log.append('topic', [text('first')])
  const before = log.stats.transactions
  await Promise.all(Array.from({ length: 500 }, (_, i) => log.append('topic', [text('x', `${i}`)])))
  t.equal(log.stats.transactions - before, 1)
  t.match(log.stats, { appends: 501, appendedRecords: 501, queuedBytes: 0, failedTransactions: 0 })
})

t.test('appends that would wait in too long a queue are refused', async (t) => {
  const { log } = await openEmbedded(t, { maxQueuedBytes: 10_000 })
  const record = { value: new Uint8Array(4000), headers: {} }
  const appends = await Promise.allSettled([1, 2, 3].map(() => log.append('topic', [record])))
  t.same(
    appends.map(({ status }) => status),
    ['fulfilled', 'fulfilled', 'rejected'],
  )
  t.match(appends[2], {
    reason: {
      code: 'LOG_UNAVAILABLE',
      message: 'cannot append 4012 bytes to topic: 8024 of at most 10000 wait to be written',
    },
  })
  await log.append('topic', [{ value: new Uint8Array(20_000), headers: {} }])
  t.pass('a longer one is taken when nothing else waits')
})

t.test('a topic keeps the partitions it was made with', async (t) => {
  const { log, reopen } = await openEmbedded(t, { partitions: 3 })
  await log.append('topic', [text('a')])
  await log.close()
  const later = await reopen({ partitions: 5 })
  t.equal((await later.partitions('topic')).length, 3)
  await later.append('newer', [text('b')])
  t.equal((await later.partitions('newer')).length, 5)
  t.same(await later.partitions('unknown'), [])
  t.same(await readAll(later, 'unknown-0'), [])
})

t.test('names that Kafka does not take are refused', async (t) => {
  const { log } = await openEmbedded(t)
  for (const name of ['', 'a b', 'a/b', 'ü', 'x'.repeat(250)]) {
    await t.rejects(log.append(name, [text('a')]), RangeError, name)
    await t.rejects(log.subscribe(name, new RecordingHandler()), RangeError, name)
  }
  t.equal(log.stats.topics, 0)
})

t.test('options that cannot be are refused', async (t) => {
  const options = { path: t.testdir(), partitions: 1, maxBytes: 1, maxAgeMs: 1 }
  for (const wrong of [{ partitions: 0 }, { partitions: 1.5 }, { maxBytes: 0 }, { maxAgeMs: Number.NaN }]) {
    await t.rejects(EmbeddedEventLog.open({ ...options, ...wrong }), RangeError)
  }
})

t.test('times of a partition do not go back when the clock does', async (t) => {
  const { log, clock } = await openEmbedded(t, { partitions: 1 })
  const start = clock.nowMs
  for (const step of [0, 1000, -500, 200.7]) {
    clock.nowMs = start + step
    await log.append('topic', [text(`${step}`)])
  }
  const times = (await readAll(log, 'topic-0')).map(({ timestampMs }) => timestampMs - start)
  t.same(times, [0, 1000, 1000, 1000])
})

t.test('batches are bounded by count and by bytes', async (t) => {
  const sizes = async (batch: { records: number; bytes: number }, values: readonly number[]) => {
    const { log } = await openEmbedded(t, { partitions: 1, batch, path: t.testdir({}) })
    await log.append(
      'topic',
      values.map((size) => ({ value: new Uint8Array(size), headers: {} })),
    )
    const handler = new RecordingHandler()
    const subscription = await log.subscribe('topic', handler)
    await handler.until(() => handler.recordsOf('topic-0').length === values.length)
    await subscription.close()
    const lengths: number[] = []
    for await (const { records } of log.readSince('topic-0', 0)) lengths.push(records.length)
    const given = handler.batches.map(({ records }) => records.length)
    t.same(lengths, given, 'readSince has the same bounds')
    await log.close()
    return given
  }
  t.same(await sizes({ records: 2, bytes: 1e6 }, [1, 1, 1, 1, 1]), [2, 2, 1])
  t.same(await sizes({ records: 100, bytes: 1000 }, [400, 400, 400, 5000, 1, 1]), [2, 1, 1, 2])
})

t.test('a subscriber that waits is woken by appends, not by a timer', async (t) => {
  const waits: number[] = []
  const { log } = await openEmbedded(t, {
    partitions: 1,
    timer: (ms) => {
      waits.push(ms)
      return () => {}
    },
  })
  const handler = new RecordingHandler()
  await log.subscribe('topic', handler)
  for (let i = 1; i <= 5; i++) {
    await log.append('topic', [text('x')])
    await handler.until(() => handler.batches.length === i)
  }
  t.same(waits, [30_000], 'only retention waits for a time')
})

t.test('a handler that rejects is called again after waits that double up to a limit', async (t) => {
  const waits: number[] = []
  const errors: unknown[] = []
  const { log } = await openEmbedded(t, {
    partitions: 1,
    timer: (ms, run) => {
      if (ms !== 30_000) {
        waits.push(ms)
        setImmediate(run)
      }
      return () => {}
    },
    onError: (error, partition) => errors.push([partition, error]),
  })
  await log.append('topic', [text('a')])
  const fault = new Error('cannot')
  const handler = new RecordingHandler()
  let failures = 0
  handler.next = (batch) => {
    if (failures++ < 9) throw fault
    return offsetAfter(batch)
  }
  await log.subscribe('topic', handler)
  await handler.until(() => failures === 10)
  t.same(waits, [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000])
  t.same(
    errors,
    Array.from({ length: 9 }, () => ['topic-0', fault]),
  )
  t.equal(log.stats.retries, 9)

  // A success makes the next wait short again.
  failures = 8
  await log.append('topic', [text('b')])
  await handler.until(() => failures === 10)
  t.equal(waits.at(-1), 100)
})

t.test('closing does not wait for a retry', async (t) => {
  const { log } = await openEmbedded(t, { partitions: 1, timer: () => () => {} })
  await log.append('topic', [text('a')])
  const handler = new RecordingHandler()
  handler.next = () => {
    throw new Error('cannot')
  }
  const subscription = await log.subscribe('topic', handler)
  await handler.until(() => handler.batches.length === 1 && handler.running.get('topic-0') === 0)
  await subscription.close()
  t.equal(handler.calls.at(-1), 'revoked topic-0')
})

t.test('an offset that cannot be is an error of the handler', async (t) => {
  const errors: unknown[] = []
  const { log } = await openEmbedded(t, { partitions: 1, onError: (error) => errors.push(error) })
  await log.append('topic', [text('a')])
  const handler = new RecordingHandler()
  const answers = [Number.NaN, -1, 0.5]
  handler.next = (batch) => answers.shift() ?? offsetAfter(batch)
  const subscription = await log.subscribe('topic', handler)
  await handler.until(() => handler.batches.length === 4)
  t.ok(errors.length === 3 && errors.every((error) => error instanceof RangeError))
  t.throws(() => subscription.seek('topic-0', -1), RangeError)
  t.throws(() => subscription.seek('topic-1', 0), RangeError)
})

t.test('reading from beyond the end is told of: the log lost what was read before', async (t) => {
  const errors: unknown[] = []
  const { log } = await openEmbedded(t, { partitions: 1, onError: (error) => errors.push(error) })
  await log.append('topic', [text('a'), text('b')])
  const handler = new RecordingHandler()
  handler.start = () => 3
  await log.subscribe('topic', handler)
  await log.append('topic', [text('c'), text('d')])
  await handler.until(() => handler.batches.length === 1)
  t.same(
    handler.recordsOf('topic-0').map(({ offset }) => offset),
    [3],
  )
  t.match(errors, [
    { code: 'LOG_CORRUPT', message: /^topic-0 ends at offset 2 but is read from 3: the log lost records/ },
  ])
})

t.test('a file of another format is refused, naming both', async (t) => {
  const { log, path, reopen } = await openEmbedded(t)
  await log.close()
  const database = openLmdb(path, { mapBytes: 2 ** 20, versions: false })
  await database.put(FORMAT_KEY, Buffer.from(JSON.stringify({ log: 2 })))
  await database.close()
  await t.rejects(reopen(), {
    code: 'LOG_FORMAT',
    message: `cannot open the log ${path}: it has format 2, this version reads 1`,
  })
  await t.rejects(reopen(), { code: 'LOG_FORMAT' }, 'and it is not left locked')
})

t.test('what is no log at all is refused', async (t) => {
  const options = { partitions: 1, maxBytes: 1e6, maxAgeMs: 1e6 }
  const path = t.testdir({ 'data.mdb': 'x'.repeat(20_000), file: '', directory: { 'data.mdb': {} } })
  await t.rejects(EmbeddedEventLog.open({ ...options, path }), {
    code: 'LOG_CORRUPT',
    message: `cannot open the log ${path}: the file is damaged (${path}/data.mdb is no LMDB database of data format 2)`,
  })
  await t.rejects(EmbeddedEventLog.open({ ...options, path: `${path}/directory` }), {
    code: 'LOG_UNAVAILABLE',
  })
  await t.rejects(EmbeddedEventLog.open({ ...options, path: `${path}/file` }), { code: 'LOG_UNAVAILABLE' })
})

t.test('a damaged record is told of and not given', async (t) => {
  const { log, path, reopen } = await openEmbedded(t, { partitions: 1 })
  await log.append('topic', [text('before')])
  await log.append('topic', [{ value: Buffer.from('damaged'.repeat(10_000)), headers: {} }])
  await log.append('topic', [text('after')])
  await log.close()
  const file = join(path, 'data.mdb')
  const bytes = readFileSync(file)
  bytes[bytes.indexOf('damageddamaged') + 30_000]! ^= 1
  writeFileSync(file, bytes)
  const later = await reopen()
  const read: string[] = []
  const error = await (async () => {
    for await (const { records } of later.readSince('topic-0', 0)) {
      read.push(...records.map(({ value }) => Buffer.from(value).toString()))
    }
  })().catch((error: unknown) => error)
  t.match(error, new LogError('LOG_CORRUPT', 'cannot read topic-0 at offset 1: its checksum is wrong'))
  t.same(read, ['before'])
})
