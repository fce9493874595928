import type { LogRecord } from '../../../src/log/event-log.ts'
import { random } from '../../random.ts'

/** A record whose number says what else it holds: up to 20,000 bytes of it, now and then ten times as many. */
export function numbered(number: number): LogRecord {
  const next = random(number)
  const size = Math.floor(next() * (number % 50 === 0 ? 200_000 : 20_000))
  const value = new Uint8Array(8 + size).fill(number & 0xff)
  new DataView(value.buffer).setFloat64(0, number)
  return { key: 'proxy', value, headers: { number: String(number) } }
}

/** The number of a record; undefined when it does not hold what the number says. */
export function numberOf(record: LogRecord): number | undefined {
  const { buffer, byteOffset, byteLength } = record.value
  if (byteLength < 8) return undefined
  const number = new DataView(buffer, byteOffset, byteLength).getFloat64(0)
  const wanted = numbered(number)
  const isWhole =
    Buffer.from(wanted.value).equals(record.value) &&
    record.key === wanted.key &&
    record.headers['number'] === String(number)
  return isWhole ? number : undefined
}
