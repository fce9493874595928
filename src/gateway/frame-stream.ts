import { Buffer } from 'node:buffer'
import type { TapFrameParts } from './tap-frame.ts'

/** Frames for one client, to be pulled as fast as the client takes them. */
export interface FrameStream {
  /** The next frame, JSON without a line's end; undefined once the stream has ended. Not to be called before it has answered. */
  next(): Promise<string | undefined>
  /** Instead of `next`, where there is more to gain: the next frames that are there, to be sent together. */
  nextBatch?(): Promise<readonly TapFrameParts[] | undefined>
  /** Idempotent. */
  close(): Promise<void>
}

/** The next frames of a stream, at least one until it has ended. */
export async function nextFrames(stream: FrameStream): Promise<readonly TapFrameParts[] | undefined> {
  if (stream.nextBatch !== undefined) return stream.nextBatch()
  const frame = await stream.next()
  return frame === undefined ? undefined : [{ head: Buffer.from(frame), rest: '' }]
}
