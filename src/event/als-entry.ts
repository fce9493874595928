import { sameBytes } from './otlp-bytes.ts'
import type { Symbols } from './symbols.ts'
import { HeaderRanges } from './header-ranges.ts'

/** Texts of an entry that events have fields for, by place. */
export const TEXT = {
  scheme: 0,
  authority: 1,
  path: 2,
  originalPath: 3,
  route: 4,
  upstreamCluster: 5,
  codeDetails: 6,
  peerUri: 7,
  downstreamIp: 8,
  directIp: 9,
  upstreamIp: 10,
  direction: 11,
  traceparent: 12,
  b3: 13,
  b3TraceId: 14,
  grpcHeader: 15,
  grpcTrailer: 16,
  localUri: 17,
} as const
const TEXTS = 18

/**
 * What is read of one entry before it becomes an event: places in the message's bytes and a few numbers. One instance is
 * filled again and again.
 *
 * Entries of one message repeat each other, so the symbol of each text's last value is kept and its bytes compared first.
 */
export class AlsEntry {
  readonly starts = new Int32Array(TEXTS)
  readonly ends = new Int32Array(TEXTS)
  method = 0
  /** HTTP status, 0 where there is none. */
  status = 0
  /** Bit `n` is the response flag that has field number `n`. */
  flags = 0
  requestBytes = 0
  responseBytes = 0
  receivedBytes = 0
  sentBytes = 0
  upstreamPort = 0
  attempts = 0
  hasTls = false
  isIntermediate = false
  logType = 0
  hasStart = false
  startMicros = 0
  /** Since the start, in microseconds; -1 where not given. */
  lastSentMicros = -1
  durationMicros = -1
  /** The latest of all other times. */
  otherMicros = 0
  readonly headers = new HeaderRanges()
  #bytes: Uint8Array = new Uint8Array(0)
  #view = new DataView(this.#bytes.buffer)
  #symbols: Symbols | undefined
  readonly #lastStarts = new Int32Array(TEXTS)
  readonly #lastLengths = new Int32Array(TEXTS)
  readonly #lastSymbols = new Int32Array(TEXTS)

  begin(bytes: Uint8Array, view: DataView, symbols: Symbols | undefined): void {
    this.#bytes = bytes
    this.#view = view
    this.#symbols = symbols
    this.#lastLengths.fill(-1)
  }

  clear(): void {
    this.ends.fill(0)
    this.starts.fill(0)
    this.method = 0
    this.status = 0
    this.flags = 0
    this.requestBytes = 0
    this.responseBytes = 0
    this.receivedBytes = 0
    this.sentBytes = 0
    this.upstreamPort = 0
    this.attempts = 0
    this.hasTls = false
    this.isIntermediate = false
    this.logType = 0
    this.hasStart = false
    this.startMicros = 0
    this.lastSentMicros = -1
    this.durationMicros = -1
    this.otherMicros = 0
    this.headers.count = 0
  }

  /** From the request's first byte to the response's last, whole microseconds. */
  get latencyMicros(): number {
    if (this.lastSentMicros >= 0) return this.lastSentMicros
    return this.durationMicros >= 0 ? this.durationMicros : this.otherMicros
  }

  set(text: number, start: number, end: number): void {
    this.starts[text] = start
    this.ends[text] = end
  }

  has(text: number): boolean {
    return this.ends[text]! > this.starts[text]!
  }

  /** Symbol of a text, 0 where there is none. */
  symbol(text: number): number {
    const start = this.starts[text]!
    const length = this.ends[text]! - start
    if (length <= 0) return 0
    if (length === this.#lastLengths[text] && sameBytes(this.#view, start, this.#lastStarts[text]!, length))
      return this.#lastSymbols[text]!
    this.#lastStarts[text] = start
    this.#lastLengths[text] = length
    return (this.#lastSymbols[text] = this.intern(start, start + length))
  }

  /** Symbol of the message's bytes `[start, end)`. */
  intern(start: number, end: number): number {
    return this.#symbols!.internBytes(this.#bytes, start, end, this.#view)
  }
}
