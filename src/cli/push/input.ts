import { open } from 'node:fs/promises'
import { PassThrough, type Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { CliError, reasonOf } from '../cli-error.ts'

/** A file, or what comes in, unpacked where it is gzip. */
export interface Input {
  /** For messages. */
  readonly name: string
  readonly chunks: AsyncIterable<Buffer>
  /** Bytes to read, as they lie there; undefined where nobody knows. */
  readonly size: number | undefined
  /** Bytes of them read so far. */
  readonly bytesRead: () => number
  /** Ends whoever waits for the next chunk. */
  readonly close: () => void
}

/** `-` is the standard input. Throws an INPUT_UNREADABLE error. */
export async function openInput(path: string, stdin: Readable): Promise<Input> {
  if (path === '-') return inputFrom('standard input', stdin, undefined)
  try {
    const file = await open(path)
    const stats = await file.stat()
    if (stats.isDirectory()) throw new Error('it is a directory')
    return inputFrom(
      path,
      file.createReadStream({ highWaterMark: 256 * 1024 }),
      stats.isFile() ? stats.size : undefined,
    )
  } catch (error) {
    throw unreadable(path, error)
  }
}

function inputFrom(name: string, stream: Readable, size: number | undefined): Input {
  let bytesRead = 0
  async function* counted(): AsyncGenerator<Buffer> {
    for await (const chunk of stream) {
      const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : (chunk as Buffer)
      bytesRead += bytes.length
      yield bytes
    }
  }
  return {
    name,
    size,
    bytesRead: () => bytesRead,
    close: () => void stream.destroy(),
    chunks: unpacked(name, counted()),
  }
}

/** Unpacks gzip, known by its first two bytes. */
async function* unpacked(name: string, chunks: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  try {
    let first: Buffer = Buffer.alloc(0)
    while (first.length < 2) {
      const next = await chunks.next()
      if (next.done === true) break
      first = first.length === 0 ? next.value : Buffer.concat([first, next.value])
    }
    if (first[0] === 0x1f && first[1] === 0x8b) {
      yield* gunzipped(first, chunks)
      return
    }
    if (first.length > 0) yield first
    yield* chunks
  } catch (error) {
    throw unreadable(name, error)
  }
}

async function* gunzipped(first: Buffer, rest: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  const packed = async function* (): AsyncGenerator<Buffer> {
    yield first
    yield* rest
  }
  const output = new PassThrough({ highWaterMark: 256 * 1024 })
  // Its failure ends the output as well, and is thrown from there.
  pipeline(packed, createGunzip({ chunkSize: 64 * 1024 }), output).catch((error: unknown) => {
    output.destroy(error as Error)
  })
  for await (const chunk of output) yield chunk as Buffer
}

function unreadable(name: string, error: unknown): CliError {
  if (error instanceof CliError) return error
  return new CliError('INPUT_UNREADABLE', `cannot read ${name}: ${reasonOf(error)}`, { cause: error })
}
