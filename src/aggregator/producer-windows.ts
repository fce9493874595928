import { ProtobufReader } from '../event/protobuf-reader.ts'
import { ProtobufWriter } from '../event/protobuf-writer.ts'

/** Sequence numbers kept a producer: this many may be in flight at once. */
const WINDOW = 64

/**
 * Producers remembered a partition; of more, those unheard of for longest are forgotten. Each is about 50 bytes of every
 * commit.
 */
export const MAX_PRODUCERS = 16_384

/** So many are then forgotten at once, for finding the first costs as much as finding many. */
const MADE_ROOM = MAX_PRODUCERS / 16

/** A producer unheard of for this long is forgotten. */
const FORGOTTEN_MS = 3_600_000

/** How finely it is known when a producer was heard of: often enough to tell the old from the new. */
const HEARD_STEP_MS = 60_000

interface Window {
  highest: number
  /** Bit `n` of the pair: whether `highest − n` was seen. */
  low: number
  high: number
  heardMs: number
}

/**
 * Which numbered batches of which producers a partition has folded, so that a batch sent twice counts once.
 *
 * A number at or below `highest − 64` counts as seen: a producer keeps at most 64 batches in flight. What a forgotten
 * producer sends again counts again.
 */
export class ProducerWindows {
  /** In order of the last time heard, as finely as that is known. */
  readonly #windows = new Map<string, Window>()
  #encoded: Uint8Array | undefined
  #displaced = 0
  #sweptMs = 0

  /** Whether the batch is new; if so it counts as seen from now on. */
  accept(producer: string, sequence: number, nowMs: number): boolean {
    const window = this.#windows.get(producer) ?? newWindow()
    // Put last only now and then: a map that is taken from and put into all the time is slow to find its first.
    if (Math.abs(nowMs - window.heardMs) >= HEARD_STEP_MS) {
      window.heardMs = nowMs
      this.#windows.delete(producer)
      this.#windows.set(producer, window)
      this.#forget(nowMs)
    }
    this.#encoded = undefined
    if (sequence > window.highest) {
      shift(window, sequence - window.highest)
      window.highest = sequence
      return true
    }
    const age = window.highest - sequence
    if (age >= WINDOW) return false
    const bit = 1 << (age & 31)
    const seen = age < 32 ? window.low & bit : window.high & bit
    if (age < 32) window.low |= bit
    else window.high |= bit
    return seen === 0
  }

  get size(): number {
    return this.#windows.size
  }

  /** How many producers had to be forgotten before their time, because there were too many. */
  get displaced(): number {
    return this.#displaced
  }

  encode(): Uint8Array {
    return (this.#encoded ??= this.#encode())
  }

  static decode(bytes: Uint8Array): ProducerWindows {
    const windows = new ProducerWindows()
    const reader = new ProtobufReader(bytes)
    while (!reader.done) {
      reader.tag()
      const entry = reader.message()
      const window = newWindow()
      window.heardMs = 0
      let producer = ''
      while (!entry.done) {
        const field = entry.tag()
        if (field === 1) producer = entry.string()
        else if (field === 2) window.highest = entry.varint()
        else if (field === 3) window.low = entry.varint() | 0
        else if (field === 4) window.high = entry.varint() | 0
        else if (field === 5) window.heardMs = entry.varint()
        else entry.skip()
      }
      windows.#windows.set(producer, window)
    }
    return windows
  }

  #encode(): Uint8Array {
    const writer = new ProtobufWriter()
    for (const [producer, window] of this.#windows) {
      const mark = writer.begin(1)
      writer.string(1, producer)
      writer.varint(2, window.highest)
      writer.varint(3, window.low >>> 0)
      writer.varint(4, window.high >>> 0)
      writer.varint(5, window.heardMs)
      writer.end(mark)
    }
    return writer.finish()
  }

  #forget(nowMs: number): void {
    if (this.#windows.size <= MAX_PRODUCERS && Math.abs(nowMs - this.#sweptMs) < HEARD_STEP_MS) return
    this.#sweptMs = nowMs
    const left = this.#windows.size > MAX_PRODUCERS ? MAX_PRODUCERS - MADE_ROOM : MAX_PRODUCERS
    for (const [producer, window] of this.#windows) {
      const isOld = window.heardMs < nowMs - FORGOTTEN_MS
      if (this.#windows.size <= left && !isOld) return
      if (!isOld) this.#displaced++
      this.#windows.delete(producer)
    }
  }
}

/** Of a producer never heard of. */
function newWindow(): Window {
  return { highest: 0, low: 0, high: 0, heardMs: Number.NEGATIVE_INFINITY }
}

/** Moves the window up by `steps` and marks its new highest as seen. */
function shift(window: Window, steps: number): void {
  if (steps >= WINDOW) {
    window.low = 0
    window.high = 0
  } else if (steps >= 32) {
    window.high = steps === 32 ? window.low : window.low << (steps - 32)
    window.low = 0
  } else {
    window.high = (window.high << steps) | (window.low >>> (32 - steps))
    window.low <<= steps
  }
  window.low |= 1
}
