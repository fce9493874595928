import { type EventLog, LogError, type LogRecord, type PartitionId } from '../log/event-log.ts'
import type { DeadLetter } from './partition-processor.ts'

/** What the headers of a dead letter add to its record, at most. */
const LETTER_HEADER_BYTES = 8192

/** Records from this size on lose their end where the log would not take their dead letters else. */
const LONG_BYTES = 65_536

/** Appends dead letters to a topic of the log, with their place and fault in headers. */
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
    if (!(error instanceof LogError && error.code === 'LOG_RECORD_TOO_LARGE')) throw error
    // With what is said of it a record may be too long where it alone was not.
    for (const letter of letters) await log.append(topic, [shortened(partition, letter)])
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

/** A dead letter that is no longer than its record was: a long value without its end, and a header that says so. */
function shortened(partition: PartitionId, letter: DeadLetter): LogRecord {
  const { value, headers, ...rest } = deadLetterRecord(partition, letter)
  if (value.length < LONG_BYTES) return { ...rest, value, headers }
  const cut = { ...headers, 'meshtap-cut': String(value.length) }
  return { ...rest, value: value.subarray(0, -LETTER_HEADER_BYTES), headers: cut }
}
