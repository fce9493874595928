import type { IncomingMessage } from 'node:http'

/** Longest line, in bytes of UTF-8: an object of the API is at most 1.5 MiB in etcd, and JSON makes more of it. */
const MAX_LINE_BYTES = 8 * 2 ** 20

/** The lines of a response, each parsed as JSON. Throws where one is too long or is not JSON. */
export async function* jsonLines(response: IncomingMessage): AsyncGenerator {
  let rest = ''
  for await (const chunk of response.setEncoding('utf8')) {
    rest += String(chunk)
    let from = 0
    for (let end = rest.indexOf('\n', from); end !== -1; end = rest.indexOf('\n', from)) {
      const line = rest.slice(from, end)
      from = end + 1
      if (line.trim() !== '') yield JSON.parse(line)
    }
    rest = rest.slice(from)
    if (rest.length > MAX_LINE_BYTES) throw new RangeError(`a line has more than ${MAX_LINE_BYTES} bytes`)
  }
}

/** A response's whole JSON. Throws where it is longer than `maxBytes` or is not JSON. */
export async function jsonOf(response: IncomingMessage, maxBytes: number): Promise<unknown> {
  const parts: string[] = []
  let length = 0
  for await (const chunk of response.setEncoding('utf8')) {
    parts.push(String(chunk))
    length += String(chunk).length
    if (length > maxBytes) throw new RangeError(`an answer has more than ${maxBytes} bytes`)
  }
  return JSON.parse(parts.join(''))
}
