import type { TapFrame } from '../tap-bus.ts'
import { FrameCodec } from './frame-codec.ts'
import { FrameReader } from './frame-reader.ts'

type Listener = (frame: TapFrame) => void

interface Channel {
  readonly listeners: Set<{ readonly tell: Listener }>
  readonly reader: FrameReader
}

/** Counts of messages since the start. */
export interface ReceivedCounts {
  readonly received: number
  /** Messages that were no frames of this version. */
  readonly ignoredFrames: number
  /** Frames that came twice or out of order. */
  readonly repeatedFrames: number
  /** Candidates that did not come through. */
  readonly lost: number
}

/** Reads messages as frames, each once, for all who listen to its channel. */
export class FrameListeners {
  readonly #onIgnored: (error: unknown) => void
  readonly #codec = new FrameCodec()
  readonly #channels = new Map<string, Channel>()
  readonly #counts = { received: 0, ignoredFrames: 0, repeatedFrames: 0, lost: 0 }

  constructor(onIgnored: (error: unknown) => void) {
    this.#onIgnored = onIgnored
  }

  get counts(): ReceivedCounts {
    return this.#counts
  }

  /** Adds a listener; answers what takes it away. */
  add(channel: string, listener: Listener): () => void {
    let there = this.#channels.get(channel)
    if (there === undefined) {
      there = { listeners: new Set(), reader: new FrameReader(this.#codec) }
      this.#channels.set(channel, there)
    }
    const { listeners } = there
    const added = { tell: listener }
    listeners.add(added)
    return () => {
      listeners.delete(added)
      if (listeners.size === 0 && this.#channels.get(channel) === there) this.#channels.delete(channel)
    }
  }

  hear(channel: string, message: Uint8Array): void {
    const there = this.#channels.get(channel)
    const frame = there && this.#read(there.reader, message)
    if (frame !== undefined) for (const { tell } of there!.listeners) tell(frame)
  }

  clear(): void {
    this.#channels.clear()
  }

  #read(reader: FrameReader, message: Uint8Array): TapFrame | undefined {
    try {
      const frame = reader.read(message)
      if (frame === undefined) this.#counts.repeatedFrames++
      else this.#counts.received++
      this.#counts.lost += frame?.lost ?? 0
      return frame
    } catch (error) {
      this.#counts.ignoredFrames++
      this.#onIgnored(error)
      return undefined
    }
  }
}
