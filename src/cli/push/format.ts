/** What a file holds. */
export type InputFormat = 'ndjson' | 'json' | 'batch'

export const INPUT_FORMATS: readonly InputFormat[] = ['ndjson', 'json', 'batch']

/** Bytes that `sniffed` looks at. */
const HEAD_BYTES = 64 * 1024

/** A stream whose beginning was looked at, whole again. */
export interface Sniffed {
  readonly format: InputFormat
  readonly chunks: AsyncIterable<Buffer>
}

/** Tells the formats apart by their beginning, and by the name where that settles it. */
export async function sniffed(name: string, chunks: AsyncIterable<Buffer>): Promise<Sniffed> {
  const iterator = chunks[Symbol.asyncIterator]()
  const head: Buffer[] = []
  let bytes = 0
  let text = ''
  // A line feed after a visible character: the first line is whole.
  while (bytes < HEAD_BYTES && !/\S[^\n]*\n/.test(text)) {
    const next = await iterator.next()
    if (next.done === true) break
    head.push(next.value)
    bytes += next.value.length
    text += next.value.toString('latin1', 0, HEAD_BYTES)
  }
  async function* whole(): AsyncGenerator<Buffer> {
    yield* head
    for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) yield next.value
  }
  return { format: formatOf(name, text), chunks: whole() }
}

function formatOf(name: string, head: string): InputFormat {
  if (/\.(pb|bin|batch)(\.gz)?$/.test(name)) return 'batch'
  if (/\.(ndjson|jsonl)(\.gz)?$/.test(name)) return 'ndjson'
  const text = head.trimStart()
  if (text === '') return 'ndjson'
  if (text.startsWith('[')) return 'json'
  if (!text.startsWith('{')) return isText(head) ? 'ndjson' : 'batch'
  // An object over several lines begins with a line that is no object yet.
  return /^\{\s*\n/.test(text) ? 'json' : 'ndjson'
}

/** Whether there are no control characters but white space. */
function isText(head: string): boolean {
  // oxlint-disable-next-line no-control-regex
  return !/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/.test(head)
}
