import { Buffer } from 'node:buffer'

/** Frames as clients of websockets send them, right or wrong (RFC 6455, section 5.2). */

export const FIN = 0x80
export const OP = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 }

/** A client's frame: masked, unless said otherwise. */
export function frame(
  first: number,
  payload: Buffer | string = '',
  { mask = true, length = -1 } = {},
): Buffer {
  const data = Buffer.from(payload)
  const size = length < 0 ? data.length : length
  const bit = mask ? 0x80 : 0
  const head =
    size < 126
      ? Buffer.of(first, bit | size)
      : size < 65_536
        ? Buffer.of(first, bit | 126, size >> 8, size & 0xff)
        : Buffer.concat([Buffer.of(first, bit | 127, 0, 0, 0, 0), uint32(size)])
  if (!mask) return Buffer.concat([head, data])
  const key = Buffer.of(1, 2, 3, 4)
  return Buffer.concat([head, key, data.map((byte, i) => byte ^ key[i & 3]!)])
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

export function close(code: number, reason: Buffer | string = ''): Buffer {
  return frame(FIN | OP.close, Buffer.concat([Buffer.of(code >> 8, code & 0xff), Buffer.from(reason)]))
}
