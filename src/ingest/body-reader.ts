import type { IncomingMessage } from 'node:http'
import type { Transform } from 'node:stream'
import { createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from 'node:zlib'
import { HttpProblem } from '../http/problem.ts'
import type { ByteLease } from './byte-budget.ts'

/** Content encodings that a body may have, the identity aside. */
const INFLATERS: Readonly<Record<string, () => Transform>> = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
  zstd: createZstdDecompress,
}

export const CONTENT_ENCODINGS = ['gzip', 'deflate', 'br', 'zstd'] as const

export interface BodyLimits {
  /** Most bytes of a body, once inflated and as sent; beyond it 413. */
  readonly bodyBytes: number
}

export interface Body {
  readonly bytes: Buffer
  /** How many bytes came over the wire. */
  readonly wireBytes: number
}

/**
 * Reads and inflates a request's body, taking its size from `lease` as it grows.
 *
 * Rejects with a problem (413, 415, 429, 400). The rest of the body may then be unread: see `discardRest`.
 */
export async function readBody(
  request: IncomingMessage,
  limits: BodyLimits,
  lease: ByteLease,
): Promise<Body> {
  const encoding = contentEncoding(request.headers['content-encoding'])
  const declared = Number(request.headers['content-length'] ?? 0)
  if (declared > limits.bodyBytes) throw tooLarge(limits.bodyBytes)
  if (!lease.growTo(declared)) throw overloaded()

  const inflater = INFLATERS[encoding]?.()
  const source = inflater ?? request
  const chunks: Buffer[] = []
  let size = 0
  let wireBytes = 0

  await new Promise<void>((resolve, reject) => {
    const finish = (error?: Error): void => {
      request.off('data', onWire).off('end', onWireEnd).off('close', onClose).off('error', onAbort)
      source.off('data', onData).off('end', onEnd)
      inflater?.off('error', onMalformed).off('drain', onDrain).on('error', ignore).destroy()
      if (error === undefined) return resolve()
      request.pause()
      reject(error)
    }
    const onWire = (chunk: Buffer): void => {
      wireBytes += chunk.length
      if (wireBytes > limits.bodyBytes) finish(tooLarge(limits.bodyBytes))
      else if (inflater !== undefined && !inflater.write(chunk)) request.pause()
    }
    const onDrain = (): void => void request.resume()
    const onWireEnd = (): void => void inflater?.end()
    const onAbort = (error: Error): void => finish(aborted(error))
    const onClose = (): void => {
      if (!request.complete) finish(aborted())
    }
    const onMalformed = (error: Error): void =>
      finish(new HttpProblem(400, 'BODY_MALFORMED', `the body is not valid ${encoding}: ${error.message}`))
    const onData = (chunk: Buffer): void => {
      size += chunk.length
      if (size > limits.bodyBytes) finish(tooLarge(limits.bodyBytes))
      else if (!lease.growTo(size)) finish(overloaded())
      else chunks.push(chunk)
    }
    const onEnd = (): void => finish()

    request.on('data', onWire).on('close', onClose).on('error', onAbort)
    if (inflater !== undefined) {
      request.on('end', onWireEnd)
      inflater.on('drain', onDrain).on('error', onMalformed)
    }
    source.on('data', onData).on('end', onEnd)
  })
  return { bytes: chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, size), wireBytes }
}

/**
 * Reads on what is left of a refused body, so that the client, which may not look for an answer before it has sent
 * everything, gets it; after `limitBytes` more its connection is cut.
 */
export function discardRest(request: IncomingMessage, limitBytes: number): void {
  if (request.complete || request.destroyed) return
  let left = limitBytes
  request.on('data', (chunk: Buffer) => {
    left -= chunk.length
    if (left < 0) request.destroy()
  })
  request.on('error', ignore)
  request.resume()
}

function contentEncoding(header: string | undefined): string {
  const encoding = (header ?? 'identity').trim().toLowerCase()
  if (encoding === 'identity' || Object.hasOwn(INFLATERS, encoding)) return encoding
  throw new HttpProblem(
    415,
    'UNSUPPORTED_ENCODING',
    `bodies of content-encoding "${encoding}" are not read; send one of ${CONTENT_ENCODINGS.join(', ')}, or none`,
    { headers: { 'accept-encoding': CONTENT_ENCODINGS.join(', ') } },
  )
}

function tooLarge(bytes: number): HttpProblem {
  return new HttpProblem(
    413,
    'BODY_TOO_LARGE',
    `the body is larger than ${bytes} bytes, compressed or inflated; send fewer events at once`,
  )
}

/** The refusal of what does not fit the budget. */
export function overloaded(): HttpProblem {
  return new HttpProblem(
    429,
    'OVERLOADED',
    'too many bytes of events are on their way into the log; send them again in a moment',
    { retryAfterSeconds: 1 },
  )
}

/** Nobody is there to read it; it is counted. */
function aborted(cause?: Error): HttpProblem {
  return new HttpProblem(
    400,
    'BODY_ABORTED',
    'the connection was closed before the body was complete',
    {},
    { cause },
  )
}

function ignore(): void {}
