import type { Test } from 'tap'
import {
  type EventLog,
  LogError,
  type LogRecord,
  type PartitionId,
  partitionId,
  type RecordBatch,
  type StoredRecord,
} from '../../src/log/event-log.ts'
import { offsetAfter, RecordingHandler } from './recording-handler.ts'

/** A log to be held to the contract. Nothing of it needs to be in this process. */
export interface EventLogUnderTest {
  readonly log: EventLog
  /** Makes what is appended from now on later, by at least a millisecond, than what was before. */
  readonly tick: () => Promise<void>
  /** Opens the same data again; what was open is closed already. */
  readonly reopen: () => Promise<EventLog>
  /** Deletes all records there are, as retention would. */
  readonly expireAll: () => Promise<void>
}

export interface EventLogContract {
  readonly name: string
  /** Opens a log whose new topics have so many partitions. The test's teardown closes what is still open. */
  readonly open: (t: Test, partitions: number) => Promise<EventLogUnderTest>
  /** A topic's name that nothing used before. */
  readonly newTopic?: () => string
  readonly supports: {
    /** Offsets count up from 0 without a gap while nothing is deleted. */
    readonly denseOffsets: boolean
    /** Partitions that one subscriber reads do not wait for each other. */
    readonly independentPartitions: boolean
    /** A record of this many bytes is too large. */
    readonly tooLargeBytes: number
  }
}

let topics = 0

/** Everything that `EventLog` promises, as tests. An adapter passes all of them or is none. */
export function eventLogContract(t: Test, contract: EventLogContract): void {
  const { name, open, supports } = contract
  const newTopic = contract.newTopic ?? (() => `contract.${++topics}`)
  const check = (what: string, run: (t: Test) => Promise<void>) => t.test(`${name}: ${what}`, run)

  check('a record is read as it was appended', async (t) => {
    const { log } = await open(t, 1)
    const topic = newTopic()
    const records: LogRecord[] = [
      { key: 'proxy-1', value: Uint8Array.from({ length: 256 }, (_, i) => i), headers: {} },
      { value: new Uint8Array(0), headers: { 'content-type': 'application/json' } },
      { key: 'zürich-☃', value: Uint8Array.of(0), headers: { 'x-name': 'größe ✓', 'x-empty': '' } },
      { key: '', value: new Uint8Array(70_000).fill(7), headers: {} },
    ]
    await log.append(topic, records)
    const read = await readAll(log, partitionId(topic, 0))
    t.same(read.map(plain), records.map(plain))
  })

  check('records of one key keep their order in one partition', async (t) => {
    const { log } = await open(t, 4)
    const topic = newTopic()
    const keys = Array.from({ length: 20 }, (_, i) => `proxy-${i}`)
    for (let round = 0; round < 5; round++) {
      await log.append(
        topic,
        keys.flatMap((key) => [text(`${round}a`, key), text(`${round}b`, key)]),
      )
    }
    const found = new Map<string, { partitions: Set<PartitionId>; values: string[] }>()
    for (const partition of await log.partitions(topic)) {
      for (const record of await readAll(log, partition)) {
        const entry = found.get(record.key!) ?? { partitions: new Set(), values: [] }
        found.set(record.key!, entry)
        entry.partitions.add(partition)
        entry.values.push(valueOf(record))
      }
    }
    t.equal(found.size, keys.length)
    for (const [key, { partitions, values }] of found) {
      t.equal(partitions.size, 1, `${key} is in one partition`)
      t.same(values, ['0a', '0b', '1a', '1b', '2a', '2b', '3a', '3b', '4a', '4b'], `${key} is in order`)
    }
    t.ok(new Set([...found.values()].flatMap(({ partitions }) => [...partitions])).size > 1, 'keys spread')
  })

  check('appends that are not awaited keep the order of their calls', async (t) => {
    const { log } = await open(t, 2)
    const topic = newTopic()
    await Promise.all(Array.from({ length: 50 }, (_, i) => log.append(topic, [text(`${i}`, 'proxy')])))
    const read = (await readTopic(log, topic)).map(valueOf)
    t.same(
      read,
      Array.from({ length: 50 }, (_, i) => `${i}`),
    )
  })

  check('offsets of a partition ascend', async (t) => {
    const { log } = await open(t, 1)
    const topic = newTopic()
    for (let i = 0; i < 4; i++) await log.append(topic, [text(`${i}a`), text(`${i}b`), text(`${i}c`)])
    const offsets = (await readTopic(log, topic)).map(({ offset }) => offset)
    t.equal(offsets.length, 12)
    t.ok(
      offsets.every((offset, i) => i === 0 || offset > offsets[i - 1]!),
      `${offsets.join()} ascends`,
    )
    if (supports.denseOffsets) t.same(offsets, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
  })

  check('appending nothing does nothing', async (t) => {
    const { log } = await open(t, 1)
    const topic = newTopic()
    await log.append(topic, [])
    await log.append(topic, [text('a')])
    await log.append(topic, [])
    t.same((await readTopic(log, topic)).map(valueOf), ['a'])
  })

  check('a topic has the partitions that it was made with', async (t) => {
    const { log } = await open(t, 3)
    const topic = newTopic()
    await log.append(topic, [text('a')])
    t.same(await log.partitions(topic), [`${topic}-0`, `${topic}-1`, `${topic}-2`])
  })

  check('a subscriber is given every partition, each from the offset that it names', async (t) => {
    const { log } = await open(t, 3)
    const topic = newTopic()
    await appendToAll(log, topic, 5)
    const partitions = await log.partitions(topic)
    const second = new Map<PartitionId, StoredRecord>()
    for (const partition of partitions) second.set(partition, (await readAll(log, partition))[1]!)
    const handler = new RecordingHandler()
    handler.start = (partition) => second.get(partition)!.offset
    const subscription = await log.subscribe(topic, handler)
    await handler.until(() => partitions.every((partition) => handler.recordsOf(partition).length === 4))
    for (const partition of partitions) {
      const calls = handler.calls.filter((call) => call.split(' ')[1] === partition)
      t.equal(calls[0], `assigned ${partition}`)
      t.notOk(
        calls.slice(1).some((call) => call.startsWith('assigned')),
        'assigned once',
      )
      t.equal(handler.recordsOf(partition)[0]!.offset, second.get(partition)!.offset)
    }
    await subscription.close()
  })

  check('subscribing makes the topic, and what comes later is given as it comes', async (t) => {
    const { log } = await open(t, 1)
    const topic = newTopic()
    const handler = new RecordingHandler()
    const subscription = await log.subscribe(topic, handler)
    t.same(await log.partitions(topic), [`${topic}-0`])
    for (const value of ['a', 'b', 'c']) {
      await log.append(topic, [text(value)])
      await handler.until(() => handler.batches.flatMap(({ records }) => records).some(has(value)))
    }
    t.same(handler.recordsOf(`${topic}-0`).map(valueOf), ['a', 'b', 'c'])
    await subscription.close()
  })

  check('who reads a topic reads its mirrors too, those that are made later included', async (t) => {
    const { log } = await open(t, 2)
    const topic = newTopic()
    // Of other names, though they are alike.
    for (const name of [`${topic}.dead`, `x${topic}`]) await log.append(name, [text('no')])
    await log.append(`west.${topic}`, [text('a', 'key')])
    const handler = new RecordingHandler()
    const subscription = await log.subscribe(topic, handler)
    const values = () => handler.batches.flatMap(({ records }) => records.map(valueOf))
    await handler.until(() => values().includes('a'))
    await log.append(`east.${topic}`, [text('b', 'key')])
    await log.append(topic, [text('c', 'key')])
    await handler.until(() => values().includes('b') && values().includes('c'))
    t.same(values().sort(), ['a', 'b', 'c'])
    const partitions = [topic, `east.${topic}`, `west.${topic}`].flatMap((name) => [`${name}-0`, `${name}-1`])
    t.same(await log.partitions(topic), partitions)
    await handler.until(() =>
      partitions.every((partition) => handler.calls.includes(`assigned ${partition}`)),
    )
    t.same(
      await log.partitions(`east.${topic}`),
      [`east.${topic}-0`, `east.${topic}-1`],
      'no mirror of a mirror',
    )
    const [mirrored] = handler
      .recordsOf(partitionId(`east.${topic}`, 0))
      .concat(handler.recordsOf(partitionId(`east.${topic}`, 1)))
    t.equal(valueOf(mirrored!), 'b')
    await subscription.close()
    const revoked = handler.calls.filter((call) => call.startsWith('revoked'))
    t.same(revoked.sort(), partitions.map((partition) => `revoked ${partition}`).sort())
  })

  check('a batch is never empty, in order, and says where the partition ended', async (t) => {
    const { log } = await open(t, 1)
    const topic = newTopic()
    for (let i = 0; i < 30; i++) await log.append(topic, [text('x'.repeat(1000)), text('y'.repeat(100_000))])
    const handler = new RecordingHandler()
    const subscription = await log.subscribe(topic, handler)
    await handler.until(() => handler.recordsOf(`${topic}-0`).length === 60)
    for (const { records, endOffset } of handler.batches) {
      t.ok(records.length > 0)
      t.ok(records.every(({ offset }, i) => i === 0 || offset > records[i - 1]!.offset))
      t.ok(endOffset > records.at(-1)!.offset)
    }
    t.equal(handler.batches.at(-1)!.endOffset, offsetAfter(handler.batches.at(-1)!), 'caught up')
    await subscription.close()
  })

  check('an answer other than the offset after the batch seeks', async (t) => {
    const { log } = await open(t, 1)
    const topic = newTopic()
    await log.append(
      topic,
      ['a', 'b', 'c', 'd'].map((value) => text(value)),
    )
    const [first] = await readTopic(log, topic)
    const handler = new RecordingHandler()
    let answers = 0
    handler.next = (batch) => (answers++ === 0 ? first!.offset + 1 : offsetAfter(batch))
    const subscription = await log.subscribe(topic, handler)
    await handler.until(() => handler.batches.length === 2)
    t.same(handler.batches[1]!.records.map(valueOf), ['b', 'c', 'd'])
    // Ahead of the end: what is appended before the offset that was asked for is not given.
    const last = handler.batches[1]!.records.at(-1)!
    handler.next = () => last.offset + 3
    await log.append(topic, [text('e')])
    await handler.until(() => handler.batches.length === 3 && handler.running.get(`${topic}-0`) === 0)
    handler.next = offsetAfter
    await log.append(topic, [text('f'), text('g')])
    await handler.until(() => handler.batches.length === 4)
    if (supports.denseOffsets) t.same(handler.batches[3]!.records.map(valueOf), ['g'])
    await subscription.close()
  })

  check('seek makes the next batch begin elsewhere, also while one is pending', async (t) => {
    const { log } = await open(t, 1)
    const topic = newTopic()
    const partition = partitionId(topic, 0)
    await log.append(
      topic,
      ['a', 'b', 'c'].map((value) => text(value)),
    )
    const offsets = (await readTopic(log, topic)).map(({ offset }) => offset)
    const handler = new RecordingHandler()
    const subscription = await log.subscribe(topic, handler)
    await handler.until(
      () => handler.recordsOf(partition).length === 3 && handler.running.get(partition) === 0,
    )
    subscription.seek(partition, offsets[1]!)
    await handler.until(() => handler.recordsOf(partition).length === 5)
    t.same(handler.batches.at(-1)!.records.map(valueOf), ['b', 'c'])

    const gate = Promise.withResolvers<void>()
    handler.next = async (batch) => {
      await gate.promise
      return offsetAfter(batch)
    }
    const before = handler.batches.length
    await log.append(topic, [text('d')])
    await handler.until(() => handler.batches.length === before + 1)
    subscription.seek(partition, offsets[0]!)
    handler.next = offsetAfter
    gate.resolve()
    await handler.until(() => handler.batches.length > before + 1)
    t.equal(valueOf(handler.batches[before + 1]!.records[0]!), 'a', 'the seek outranks the pending answer')
    await subscription.close()
    subscription.seek(partition, offsets[0]!)
    t.pass('where a partition was given back, a seek that crosses that does nothing')
  })

  check('a partition is not read further while its handler has a batch', async (t) => {
    const { log } = await open(t, 2)
    const topic = newTopic()
    await appendToAll(log, topic, 1)
    const [held, other] = await log.partitions(topic)
    const gate = Promise.withResolvers<void>()
    const handler = new RecordingHandler()
    handler.next = async (batch) => {
      if (batch.partition === held) await gate.promise
      return offsetAfter(batch)
    }
    const subscription = await log.subscribe(topic, handler)
    await handler.until(() => handler.batches.some(({ partition }) => partition === held))
    for (let i = 0; i < 5; i++) {
      await appendToAll(log, topic, 1)
      if (!supports.independentPartitions) continue
      const expected = i + 2
      await handler.until(() => handler.recordsOf(other!).length === expected)
    }
    t.equal(handler.batches.filter(({ partition }) => partition === held).length, 1)
    gate.resolve()
    await handler.until(() => handler.recordsOf(held!).length === 6)
    t.equal(handler.mostRunning, 1)
    const offsets = handler.recordsOf(held!).map(({ offset }) => offset)
    t.same(
      offsets,
      [...new Set(offsets)].sort((a, b) => a - b),
      'nothing twice, nothing out of order',
    )
    await subscription.close()
  })

  check('values stay as they are until the handler has answered', async (t) => {
    const { log } = await open(t, 2)
    const topic = newTopic()
    await appendToAll(log, topic, 1)
    const [held, other] = await log.partitions(topic)
    const keys = await keysOf(log, topic, [held!, other!])
    const gate = Promise.withResolvers<void>()
    const handler = new RecordingHandler()
    handler.next = async (batch) => {
      const values = batch.records.map(valueOf)
      if (batch.partition === held) await gate.promise
      t.same(batch.records.map(valueOf), values)
      return offsetAfter(batch)
    }
    const subscription = await log.subscribe(topic, handler)
    for (let i = 0; i < 20; i++)
      await log.append(
        topic,
        keys.flatMap((key) => [text(`${i}a`.repeat(60_000), key), text(`${i}b`.repeat(60_000), key)]),
      )
    const done = (partition: PartitionId) =>
      handler.recordsOf(partition).some(has('19b'.repeat(60_000))) && handler.running.get(partition) === 0
    if (supports.independentPartitions) await handler.until(() => done(other!))
    gate.resolve()
    await handler.until(() => done(held!) && done(other!))
    await subscription.close()
    const values = (await readAll(log, other!)).slice(-40).map(valueOf)
    const expected = Array.from({ length: 20 }, (_, i) => [`${i}a`.repeat(60_000), `${i}b`.repeat(60_000)])
    t.ok(values.join() === expected.flat().join(), 'those of readSince stay for as long as anyone wants')
  })

  check('a batch that the handler rejects is given again: nothing is lost or skipped', async (t) => {
    const { log } = await open(t, 1)
    const topic = newTopic()
    await log.append(topic, [text('a'), text('b')])
    const handler = new RecordingHandler()
    let failures = 0
    handler.start = () => {
      if (failures++ < 2) throw new Error('not yet')
      return 0
    }
    handler.next = (batch) => {
      if (failures++ < 6) throw new Error('cannot take it')
      return offsetAfter(batch)
    }
    const subscription = await log.subscribe(topic, handler)
    await handler.until(() => failures >= 7 && handler.running.get(`${topic}-0`) === 0)
    await log.append(topic, [text('c')])
    await handler.until(() => handler.batches.flatMap(({ records }) => records).some(has('c')))
    t.equal(handler.batches.filter(({ records }) => has('a')(records[0]!)).length, 4, 'three times in vain')
    t.same(
      handler.batches.slice(-2).map(({ records }) => records.map(valueOf)),
      [['a', 'b'], ['c']],
    )
    t.equal(handler.mostRunning, 1)
    await subscription.close()
  })

  check('closing a subscription awaits its batch and revokes every partition once', async (t) => {
    const { log } = await open(t, 2)
    const topic = newTopic()
    await appendToAll(log, topic, 1)
    const partitions = await log.partitions(topic)
    const gate = Promise.withResolvers<void>()
    const handler = new RecordingHandler()
    handler.next = async (batch) => {
      await gate.promise
      return offsetAfter(batch)
    }
    const subscription = await log.subscribe(topic, handler)
    await handler.until(() => handler.batches.length > 0)
    const closed = subscription.close()
    const again = subscription.close()
    gate.resolve()
    await closed
    await again
    await subscription.close()
    const revoked = handler.calls.filter((call) => call.startsWith('revoked'))
    const assigned = handler.calls.filter((call) => call.startsWith('assigned'))
    t.same(revoked.sort(), assigned.map((call) => call.replace('assigned', 'revoked')).sort())
    t.equal(handler.mostRunning, 1, 'not revoked while a batch is with the handler')
    const before = handler.calls.length
    await appendToAll(log, topic, 1)
    const next = new RecordingHandler()
    const other = await log.subscribe(topic, next)
    await next.until(() => partitions.every((partition) => next.recordsOf(partition).length === 2))
    t.equal(handler.calls.length, before, 'no call after it was closed')
    await other.close()
  })

  check('readSince begins with the first record taken at or after a time', async (t) => {
    const { log, tick } = await open(t, 1)
    const topic = newTopic()
    const partition = partitionId(topic, 0)
    for (let i = 0; i < 20; i++) {
      await log.append(topic, [text(`${i}a`), text(`${i}b`)])
      await tick()
    }
    const all = await readAll(log, partition)
    t.equal(all.length, 40)
    const times = all.map(({ timestampMs }) => timestampMs)
    t.ok(
      times.every((time, i) => i === 0 || time >= times[i - 1]!),
      'times do not go back',
    )
    for (const since of [0, times[0]!, times[0]! + 1, times[13]!, times[24]!, times[39]!, times[39]! + 1]) {
      for (const sinceMs of [since - 1, since, since + 0.5]) {
        const wanted = all.filter(({ timestampMs }) => timestampMs >= sinceMs).map(valueOf)
        t.same((await readAll(log, partition, sinceMs)).map(valueOf), wanted, `since ${sinceMs}`)
      }
    }
  })

  check('readSince ends at what was there when it was called', async (t) => {
    const { log } = await open(t, 1)
    const topic = newTopic()
    await log.append(topic, [text('a'), text('b')])
    const reading = log.readSince(partitionId(topic, 0), 0)
    await log.append(topic, [text('c')])
    t.same((await recordsOf(reading)).map(valueOf), ['a', 'b'])
  })

  check('readSince can be left early, and finds nothing where nothing is', async (t) => {
    const { log } = await open(t, 2)
    const topic = newTopic()
    await log.append(topic, [text('a', 'key')])
    for (const partition of await log.partitions(topic)) {
      for await (const batch of log.readSince(partition, 0)) {
        t.equal(batch.partition, partition)
        break
      }
    }
    const counts = await Promise.all(
      (await log.partitions(topic)).map(async (partition) => (await readAll(log, partition)).length),
    )
    t.same(
      counts.sort((a, b) => a - b),
      [0, 1],
      'one of the partitions is empty',
    )
  })

  check('of deleted records a reader sees the gap', async (t) => {
    const { log, expireAll, reopen } = await open(t, 1)
    const topic = newTopic()
    const partition = partitionId(topic, 0)
    await log.append(topic, [text('a'), text('b'), text('c')])
    const last = (await readTopic(log, topic)).at(-1)!
    await expireAll()
    t.same(await readAll(log, partition), [])
    const handler = new RecordingHandler()
    const subscription = await log.subscribe(topic, handler)
    await log.append(topic, [text('d')])
    await handler.until(() => handler.batches.length > 0)
    const [record] = handler.batches[0]!.records
    t.equal(valueOf(record!), 'd')
    t.ok(record!.offset > last.offset, 'no offset is used again')
    await subscription.close()

    await expireAll()
    await log.close()
    const later = await reopen()
    await later.append(topic, [text('e')])
    const [newest] = await readAll(later, partition)
    t.equal(valueOf(newest!), 'e')
    t.ok(newest!.offset > record!.offset, 'not even after all was deleted and the log opened anew')
  })

  check('a record that is too large is refused with all of its append', async (t) => {
    const { log } = await open(t, 1)
    const topic = newTopic()
    await log.append(topic, [text('a')])
    const large = { value: new Uint8Array(supports.tooLargeBytes), headers: {} }
    const error = await rejection(log.append(topic, [text('b'), large]))
    t.equal(error.code, 'LOG_RECORD_TOO_LARGE')
    await log.append(topic, [text('c')])
    t.same((await readTopic(log, topic)).map(valueOf), ['a', 'c'])
  })

  check('what was appended is there when the log is opened anew, and offsets go on', async (t) => {
    const { log, reopen } = await open(t, 2)
    const topic = newTopic()
    await appendToAll(log, topic, 3)
    const before = new Map<PartitionId, StoredRecord[]>()
    const partitions = await log.partitions(topic)
    for (const partition of partitions) before.set(partition, await readAll(log, partition))
    await log.close()
    const later = await reopen()
    t.same(await later.partitions(topic), partitions)
    await appendToAll(later, topic, 1)
    for (const partition of partitions) {
      const after = await readAll(later, partition)
      t.same(after.slice(0, 3), before.get(partition))
      t.equal(after.length, 4)
      t.ok(after[3]!.offset > after[2]!.offset)
    }
  })

  check('close drains appends under way', async (t) => {
    const { log, reopen } = await open(t, 1)
    const topic = newTopic()
    const appends = Array.from({ length: 40 }, (_, i) => log.append(topic, [text(`${i}`)]))
    const closed = log.close()
    const outcomes = await Promise.allSettled(appends)
    await closed
    const taken = outcomes.flatMap(({ status }, i) => (status === 'fulfilled' ? [`${i}`] : []))
    t.equal(taken.length, 40, 'what was called before close is taken')
    t.same((await readTopic(await reopen(), topic)).map(valueOf), taken)
  })

  check('close ends subscriptions, and everything after it is refused', async (t) => {
    const { log } = await open(t, 1)
    const topic = newTopic()
    await log.append(topic, [text('a')])
    const handler = new RecordingHandler()
    await log.subscribe(topic, handler)
    await handler.until(() => handler.batches.length > 0)
    await Promise.all([log.close(), log.close()])
    await log.close()
    t.equal(handler.calls.at(-1), `revoked ${topic}-0`)
    const codes = await Promise.all(
      [
        log.append(topic, [text('b')]),
        log.subscribe(topic, handler),
        log.partitions(topic),
        recordsOf(log.readSince(partitionId(topic, 0), 0)),
      ].map(async (call) => (await rejection(call)).code),
    )
    t.same(codes, ['LOG_CLOSED', 'LOG_CLOSED', 'LOG_CLOSED', 'LOG_CLOSED'])
  })
}

function text(value: string, key?: string): LogRecord {
  return { ...(key === undefined ? {} : { key }), value: Buffer.from(value), headers: {} }
}

function valueOf({ value }: LogRecord): string {
  return Buffer.from(value).toString()
}

function has(value: string): (record: LogRecord) => boolean {
  return (record) => valueOf(record) === value
}

function plain({ key, value, headers }: LogRecord): unknown {
  return { key, value: Buffer.from(value).toString('hex'), headers: { ...headers } }
}

/** Appends until every partition has `count` more records. */
async function appendToAll(log: EventLog, topic: string, count: number): Promise<void> {
  await log.append(topic, [])
  let partitions = await log.partitions(topic)
  if (partitions.length === 0) {
    // The topic is made by its first record, which has to be one of the wanted.
    const subscription = await log.subscribe(topic, new RecordingHandler())
    await subscription.close()
    partitions = await log.partitions(topic)
  }
  const keys = await keysOf(log, topic, partitions)
  for (let i = 0; i < count; i++) {
    await log.append(
      topic,
      keys.map((key) => text(`${i}`, key)),
    )
  }
}

const keysByCount = new Map<number, readonly string[]>()

/** A key for each of the partitions, found by trying on a topic of its own. */
async function keysOf(
  log: EventLog,
  topic: string,
  partitions: readonly PartitionId[],
): Promise<readonly string[]> {
  const known = keysByCount.get(partitions.length)
  if (known !== undefined) return known
  const probe = `${topic}.keys`
  const candidates = Array.from({ length: 64 }, (_, i) => `key-${i}`)
  await log.append(
    probe,
    candidates.map((key) => text('', key)),
  )
  const keys = await Promise.all(
    partitions.map(async (_, partition) => (await readAll(log, partitionId(probe, partition)))[0]!.key!),
  )
  keysByCount.set(partitions.length, keys)
  return keys
}

async function readTopic(log: EventLog, topic: string): Promise<StoredRecord[]> {
  const records = await Promise.all((await log.partitions(topic)).map((partition) => readAll(log, partition)))
  return records.flat()
}

function readAll(log: EventLog, partition: PartitionId, sinceMs = 0): Promise<StoredRecord[]> {
  return recordsOf(log.readSince(partition, sinceMs))
}

async function recordsOf(batches: AsyncIterable<RecordBatch>): Promise<StoredRecord[]> {
  const records: StoredRecord[] = []
  for await (const batch of batches) records.push(...batch.records)
  return records
}

/** The LogError that a call rejects with. */
async function rejection(call: Promise<unknown>): Promise<LogError> {
  try {
    await call
  } catch (error) {
    if (error instanceof LogError) return error
    throw error
  }
  throw new Error('the call was expected to reject')
}
