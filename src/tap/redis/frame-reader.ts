import type { TapFrame } from '../tap-bus.ts'
import type { FrameCodec } from './frame-codec.ts'
import { HeardCounts } from './frame-counts.ts'

/** Reads one tap's messages, and adds to each frame what was lost before it. */
export class FrameReader {
  readonly #codec: FrameCodec
  readonly #heard = new HeardCounts()

  constructor(codec: FrameCodec) {
    this.#codec = codec
  }

  /** The frame, or undefined where it comes twice or too late. Throws a `FrameError` for what is no frame. */
  read(message: Uint8Array): TapFrame | undefined {
    const { source, before, counts, candidates, ranges } = this.#codec.decode(message)
    const gap = this.#heard.hear(source, before, counts)
    if (gap === undefined) return undefined
    const lost = gap.offered + counts.offered - candidates.length
    return {
      seen: gap.seen + counts.seen,
      matched: gap.matched + counts.matched,
      candidates,
      ...(lost === 0 ? {} : { lost }),
      ...(ranges === undefined ? {} : { ranges }),
    }
  }
}
