import type { Readable } from 'node:stream'

/** What a client of a websocket may send in a while. It answers pings, may ping itself, and has nothing else to say. */
export const TALK_LIMIT = { bytes: 64 * 1024, windowMs: 10_000 } as const

interface Talker {
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
 * Cuts a websocket's client that sends more than `TALK_LIMIT` over `stream`, in whatever frames: each that is decoded takes
 * time from the others, and parts of messages that never end take memory.
 */
export function limitTalk(
  socket: Talker,
  stream: Readable,
  { closeCode, now, onExceeded }: TalkLimitOptions,
): void {
  let windowMs = now()
  let bytes = 0
  const count = (chunk: Uint8Array): void => {
    const nowMs = now()
    if (nowMs - windowMs >= TALK_LIMIT.windowMs) {
      windowMs = nowMs
      bytes = 0
    }
    bytes += chunk.length
    if (bytes <= TALK_LIMIT.bytes) return
    stream.off('data', count)
    onExceeded()
    socket.close(closeCode, 'more is sent than a client has to say here')
    // It would go on until it has answered that.
    socket.terminate()
  }
  stream.on('data', count)
}
