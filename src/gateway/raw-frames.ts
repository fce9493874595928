import { Buffer } from 'node:buffer'
import type { Duplex } from 'node:stream'
import type { TapFrameParts } from './tap-frame.ts'

/** The last, and here only, part of a text message: `FIN` and opcode 1 (RFC 6455, section 5.2). */
const WHOLE_TEXT = 0x81

/**
 * Writes frames to a websocket's stream in one go, each as a text message, without a copy of what they share. Resolves when
 * the system has taken them. Nothing else may be in the middle of a message on the stream, which holds where all of a
 * socket's own messages are short and not compressed.
 */
export function writeTextFrames(stream: Duplex, frames: readonly TapFrameParts[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const written = (error?: Error | null) => (error ? reject(error) : resolve())
    stream.cork()
    for (const [i, { head, rest }] of frames.entries()) {
      stream.write(frameHeader(head.length + Buffer.byteLength(rest)))
      stream.write(head)
      stream.write(rest, i === frames.length - 1 ? written : undefined)
    }
    stream.uncork()
  })
}

function frameHeader(length: number): Buffer {
  if (length < 126) return Buffer.of(WHOLE_TEXT, length)
  if (length < 65_536) return Buffer.of(WHOLE_TEXT, 126, length >> 8, length & 0xff)
  const header = Buffer.alloc(10)
  header[0] = WHOLE_TEXT
  header[1] = 127
  header.writeUIntBE(length, 4, 6)
  return header
}
