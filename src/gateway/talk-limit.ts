import type { Readable } from 'node:stream'

/** What a client of a websocket may send in a while. It answers pings, may ping itself, and has nothing else to say. */
export const TALK_LIMIT = { bytes: 64 * 1024, windowMs: 10_000 } as const

/** Answers to pings that may wait for the client to read them. */
const MOST_PONGS = 60

interface Talker {
  on(event: 'ping', listener: (data: Uint8Array) => void): unknown
  pong(data: Uint8Array, mask: boolean, onSent: () => void): void
  close(code: number, reason: string): void
  terminate(): void
}

export interface TalkLimitOptions {
  readonly closeCode: number
  /** Milliseconds that only go up. */
  readonly now: () => number
  readonly onExceeded: () => void
}

/**
 * Answers the pings of a websocket's client, and cuts it where it sends more than `TALK_LIMIT` over `stream`, in whatever
 * frames, or pings and does not read the answers: each frame that is decoded takes time from others, and answers that wait
 * and parts of messages that never end take memory.
 */
export function limitTalk(
  socket: Talker,
  stream: Readable,
  { closeCode, now, onExceeded }: TalkLimitOptions,
): void {
  let windowMs = now()
  let bytes = 0
  let pongs = 0

  const cut = (): void => {
    onExceeded()
    socket.close(closeCode, 'more is sent than a client has to say here')
    // It would go on until it has answered that.
    socket.terminate()
  }
  // What was read with the frame that it was cut for is still decoded.
  socket.on('ping', (data) => {
    if (stream.destroyed) return
    if (pongs >= MOST_PONGS) {
      cut()
      return
    }
    pongs++
    socket.pong(data, false, () => pongs--)
  })
  stream.on('data', (chunk: Uint8Array) => {
    if (stream.destroyed) return
    const nowMs = now()
    if (nowMs - windowMs >= TALK_LIMIT.windowMs) {
      windowMs = nowMs
      bytes = 0
    }
    bytes += chunk.length
    if (bytes > TALK_LIMIT.bytes) cut()
  })
}
