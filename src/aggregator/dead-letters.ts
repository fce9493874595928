import { type EventLog, LogError, type LogRecord, type PartitionId } from '../log/event-log.ts'
import type { DeadLetter } from './partition-processor.ts'

/** What the headers of a dead letter add to its record, at most. */
const LETTER_HEADER_BYTES = 8192

/** Values below half of this are not cut before the sender's key and headers are left out. */
const LONG_BYTES = 65_536

/**
 * Appends dead letters to a topic of the log, with their place and fault in headers. Of a record that is longer than the log
 * takes, a part: who else writes to the log may have another limit, and no record may stop its partition.
 */
export async function appendLetters(
  log: EventLog,
  topic: string,
  partition: PartitionId,
  letters: readonly DeadLetter[],
): Promise<void> {
  try {
    await log.append(
      topic,
      letters.map((letter) => deadLetterRecord(partition, letter)),
    )
  } catch (error) {
    if (!isTooLarge(error)) throw error
    // With what is said of it a record may be too long where it alone was not.
    for (const letter of letters) await appendWhatFits(log, topic, deadLetters(partition, letter))
  }
}

/** The record that a dead letter is in the log: the one that could not be decoded, with its place and fault in headers. */
export function deadLetterRecord(partition: PartitionId, { record, fault }: DeadLetter): LogRecord {
  return {
    ...(record.key === undefined ? {} : { key: record.key }),
    value: record.value,
    headers: {
      ...record.headers,
      'meshtap-reason': fault.reason,
      'meshtap-fault': `${fault.at}: ${fault.message}`.slice(0, 1024),
      'meshtap-partition': partition,
      'meshtap-offset': String(record.offset),
    },
  }
}

/** Appends the first of these that the log takes. */
async function appendWhatFits(log: EventLog, topic: string, records: Iterable<LogRecord>): Promise<void> {
  let refusal: unknown
  for (const record of records) {
    try {
      return await log.append(topic, [record])
    } catch (error) {
      if (!isTooLarge(error)) throw error
      refusal = error
    }
  }
  throw refusal
}

/** A dead letter in ever fewer bytes: whole, without the end of a long value, then without the sender's key and headers. */
function* deadLetters(partition: PartitionId, letter: DeadLetter): Generator<LogRecord> {
  const whole = deadLetterRecord(partition, letter)
  const { value } = whole
  for (const bytes of lengths(value.length, LONG_BYTES / 2)) yield cutTo(whole, bytes)
  const { key: _, ...record } = letter.record
  const bare = deadLetterRecord(partition, { record: { ...record, headers: {} }, fault: letter.fault })
  const cut = { ...bare, headers: { ...bare.headers, 'meshtap-cut': String(value.length) } }
  for (const bytes of lengths(value.length, 1)) yield cutTo(cut, bytes)
  yield cutTo(cut, 0)
}

/** All, all but what a dead letter adds where that is little of it, then half of it and so on. */
function* lengths(bytes: number, least: number): Generator<number> {
  yield bytes
  if (bytes >= LONG_BYTES) yield bytes - LETTER_HEADER_BYTES
  for (let half = bytes >> 1; half >= least; half >>= 1) yield half
}

/** A header says how long the value was. */
function cutTo(record: LogRecord, bytes: number): LogRecord {
  const { value, headers } = record
  if (bytes === value.length) return record
  const cut = { ...headers, 'meshtap-cut': String(value.length) }
  return { ...record, value: value.subarray(0, bytes), headers: cut }
}

function isTooLarge(error: unknown): boolean {
  return error instanceof LogError && error.code === 'LOG_RECORD_TOO_LARGE'
}
