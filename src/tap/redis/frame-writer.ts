import type { TapFrame } from '../tap-bus.ts'
import { FrameCodec } from './frame-codec.ts'
import { PublishedCounts } from './frame-counts.ts'

/** Candidates in one message. */
const MAX_CANDIDATES = 512

export interface FrameWriterOptions {
  /** Longest message, bytes. */
  readonly maxBytes: number
  /** A name unlike any other's, in this process or another. */
  readonly newName: () => string
}

/**
 * Makes messages of frames, none longer than the limit: a frame that would be goes in several, and an event that alone
 * takes more is left out. The messages' counts add up to the frame's, so that who hears them knows of what is missing.
 */
export class FrameWriter {
  readonly #maxBytes: number
  readonly #codec = new FrameCodec()
  readonly #published: PublishedCounts

  constructor({ maxBytes, newName }: FrameWriterOptions) {
    this.#maxBytes = maxBytes
    this.#published = new PublishedCounts(newName)
  }

  /** Counts a frame that cannot be sent. */
  skip(tapId: string, { seen, matched, candidates }: TapFrame): void {
    this.#published.add(tapId, { seen, matched, offered: candidates.length })
  }

  write(tapId: string, frame: TapFrame): Uint8Array[] {
    const { seen, matched, candidates, ranges } = frame
    const told = ranges === undefined ? {} : { ranges }
    const { length } = candidates
    if (length <= MAX_CANDIDATES) {
      const counts = { seen, matched, offered: length }
      const { source, before } = this.#published.of(tapId)
      const message = this.#codec.encode({ source, before, counts, candidates, ...told })
      if (message.length <= this.#maxBytes) {
        this.#published.add(tapId, counts)
        return [message]
      }
      if (length <= 1) {
        this.#published.add(tapId, counts)
        return [this.#codec.encode({ source, before, counts, candidates: [], ...told })]
      }
    }
    const half = Math.ceil(length / 2)
    const others = length - half
    // The first message tells of all that no candidate stands for.
    const first = {
      seen: seen - others,
      matched: matched - others,
      candidates: candidates.slice(0, half),
      ...told,
    }
    const second = { seen: others, matched: others, candidates: candidates.slice(half), ...told }
    return [...this.write(tapId, first), ...this.write(tapId, second)]
  }
}
