import { Buffer } from 'node:buffer'
import { DecodeError } from '../../event/decode-error.ts'
import { eventsOfLine, type Mapping } from '../../mapping/mapping.ts'
import { type InputValue, malformed } from './input-value.ts'

/** Lines of an access log as events in JSON: each an array of those that its line makes. */
export async function* mappedLines(
  lines: AsyncIterable<readonly InputValue[]>,
  mapping: Mapping,
  onMalformed: ((line: number, message: string) => void) | undefined,
): AsyncGenerator<InputValue[]> {
  for await (const values of lines) {
    const mapped: InputValue[] = []
    for (const { bytes, line } of values) {
      const events = eventsOf(mapping, bytes, line, onMalformed)
      if (events.length > 0) mapped.push({ bytes: Buffer.from(JSON.stringify(events)), line })
    }
    if (mapped.length > 0) yield mapped
  }
}

function eventsOf(
  mapping: Mapping,
  bytes: Buffer,
  line: number,
  onMalformed: ((line: number, message: string) => void) | undefined,
): readonly unknown[] {
  try {
    return eventsOfLine(mapping, bytes.toString('utf8'), line)
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    const { at, message } = error.fault
    const why = `${at.replace(/^line \d+(?:, )?/, '')}${at.includes(',') ? ': ' : ''}${message}`
    if (onMalformed === undefined) throw malformed(line, why)
    onMalformed(line, why)
    return []
  }
}
