import t from 'tap'
import { appendLetters } from '../../src/aggregator/dead-letters.ts'
import type { DeadLetter } from '../../src/aggregator/partition-processor.ts'
import { LogError, type LogRecord, type StoredRecord } from '../../src/log/event-log.ts'
import { ScriptedLog } from './scripted-log.ts'

const PARTITION = 'mesh.requests-0'
const MAX_BYTES = 1_000_000
const MAX_HEADERS = 800

/** A log with Kafka's limits: of a record's bytes, and of how many headers it has. */
class NarrowLog extends ScriptedLog {
  override async append(topic: string, records: readonly LogRecord[]): Promise<void> {
    for (const record of records) {
      if (bytesOf(record) > MAX_BYTES || Object.keys(record.headers).length > MAX_HEADERS)
        throw new LogError('LOG_RECORD_TOO_LARGE', 'too large')
    }
    await super.append(topic, records)
  }
}

function bytesOf({ key = '', value, headers }: LogRecord): number {
  const texts = Object.entries(headers).flat()
  return key.length + value.length + texts.reduce((sum, text) => sum + text.length, 0)
}

/** Bytes of a pattern. */
function bytes(length: number): Uint8Array {
  return Buffer.alloc(length, 'a pattern whose length is odd')
}

function headers(count: number, length: number): Record<string, string> {
  return Object.fromEntries(Array.from({ length: count }, (_, i) => [`h${i}`, 'x'.repeat(length)]))
}

function letterOf(record: Partial<StoredRecord>): DeadLetter {
  return {
    record: { offset: 7, timestampMs: 0, key: 'proxy', value: bytes(3), headers: headers(1, 1), ...record },
    fault: { reason: 'malformed', at: 'byte 0', message: 'it is no batch' },
  }
}

/** What the sender gave, whether its key and headers are kept, and how much of the value at least. */
const LONG_RECORDS: readonly (readonly [string, Partial<StoredRecord>, boolean, number])[] = [
  ['as long as the log takes', { value: bytes(MAX_BYTES) }, true, MAX_BYTES - 10_000],
  ['twice as long', { value: bytes(2 * MAX_BYTES) }, true, MAX_BYTES / 2],
  ['forty times as long', { value: bytes(40 * MAX_BYTES) }, true, MAX_BYTES / 2],
  ['of a long key', { key: 'k'.repeat(MAX_BYTES) }, false, 3],
  ['of a long header', { headers: headers(1, MAX_BYTES) }, false, 3],
  ['of many headers', { headers: headers(1_000, 1), value: bytes(100_000) }, false, 100_000],
  [
    'of long headers and a long value',
    { headers: headers(10, MAX_BYTES), value: bytes(3 * MAX_BYTES) },
    false,
    MAX_BYTES / 4,
  ],
]

for (const [what, record, isSendersKept, least] of LONG_RECORDS) {
  t.test(`of a record ${what} the dead letter has what the log takes`, async (t) => {
    const log = new NarrowLog()
    const letter = letterOf(record)
    await appendLetters(log, 'dead', PARTITION, [letter, letterOf({ offset: 8 })])
    t.equal(log.appended.length, 2)
    const { key, value, headers } = log.appended[0]!.record
    t.match(headers, {
      'meshtap-reason': 'malformed',
      'meshtap-offset': '7',
      'meshtap-cut': String(letter.record.value.length),
    })
    t.equal(key, isSendersKept ? letter.record.key : undefined)
    t.equal('h0' in headers, isSendersKept)
    t.ok(value.length >= least, `${value.length} bytes, of at least ${least}`)
    t.ok(Buffer.from(value).equals(letter.record.value.subarray(0, value.length)))
    t.match(log.appended[1]!.record.headers, { 'meshtap-offset': '8', h0: 'x', 'meshtap-cut': undefined })
  })
}

t.test('what else the log fails with is for the caller', async (t) => {
  const log = new NarrowLog()
  log.append = async () => {
    throw new LogError('LOG_UNAVAILABLE', 'away')
  }
  await t.rejects(appendLetters(log, 'dead', PARTITION, [letterOf({})]), { code: 'LOG_UNAVAILABLE' })
})
