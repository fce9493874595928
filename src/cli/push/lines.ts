import { type InputValue, malformed, MAX_VALUE_BYTES } from './input-value.ts'

const LINE_FEED = 0x0a

/** Lines that are not blank, as many at once as a chunk ends. */
export async function* linesOf(
  chunks: AsyncIterable<Buffer>,
  maxBytes: number = MAX_VALUE_BYTES,
): AsyncGenerator<InputValue[]> {
  let rest: Buffer[] = []
  let restBytes = 0
  let line = 1
  for await (const chunk of chunks) {
    const values: InputValue[] = []
    let start = 0
    for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, start)) {
      const part = chunk.subarray(start, end)
      const bytes = rest.length === 0 ? part : Buffer.concat([...rest, part])
      rest = []
      restBytes = 0
      if (bytes.length > maxBytes) throw tooLong(line, maxBytes)
      if (!isBlank(bytes)) values.push({ bytes, line })
      line++
      start = end + 1
    }
    if (start < chunk.length) {
      rest.push(chunk.subarray(start))
      restBytes += chunk.length - start
    }
    if (restBytes > maxBytes) throw tooLong(line, maxBytes)
    if (values.length > 0) yield values
  }
  const last = Buffer.concat(rest)
  if (!isBlank(last)) yield [{ bytes: last, line }]
}

function tooLong(line: number, maxBytes: number): Error {
  return malformed(line, `is longer than ${maxBytes} bytes`)
}

function isBlank(bytes: Buffer): boolean {
  return bytes.every((byte) => byte === 0x20 || byte === 0x0d || byte === 0x09)
}
