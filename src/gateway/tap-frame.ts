import { Buffer } from 'node:buffer'

/** Most bytes of events in one frame, unless one event alone has more. */
const CHUNK_BYTES = 64 * 1024

/** Around the events of a frame's head. */
const AROUND_BYTES = '{"events":[],'.length

/** Events as JSON: made once, shared by all sessions of a tap. In memory as text or as bytes, never as both. */
export class TapChunk {
  readonly events: number
  readonly bytes: number
  #head: string | Buffer

  /** `json` has no brackets around it. */
  constructor(json: string, events: number, bytes: number) {
    this.#head = `{"events":[${json}],`
    this.events = events
    this.bytes = bytes
  }

  /** As long as `head` is. `bytes` counts a comma after each event, which the last has not. */
  get headBytes(): number {
    return AROUND_BYTES + Math.max(0, this.bytes - 1)
  }

  /** What all frames of these events begin with, as bytes. */
  get head(): Buffer {
    if (typeof this.#head === 'string') this.#head = Buffer.from(this.#head)
    return this.#head
  }

  /** The same as text. */
  get headText(): string {
    return this.#head.toString()
  }
}

export const NO_EVENTS = new TapChunk('', 0, 0)

/** A frame in two parts: the first may be part of other clients' frames as well, so nobody writes into it. */
export interface TapFrameParts {
  readonly head: Buffer
  readonly rest: string
}

/** Joins events, each as JSON, to chunks of a size that queues can be bounded by. */
export function chunksOf(events: readonly string[]): TapChunk[] {
  const chunks: TapChunk[] = []
  let part: string[] = []
  let bytes = 0
  const finish = () => {
    if (part.length > 0) chunks.push(new TapChunk(part.join(','), part.length, bytes))
    part = []
    bytes = 0
  }
  for (const json of events) {
    const size = Buffer.byteLength(json) + 1
    if (bytes + size > CHUNK_BYTES) finish()
    part.push(json)
    bytes += size
  }
  finish()
  return chunks
}
