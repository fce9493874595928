import { mkdir, open, readdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { NumberedBatch } from '../batch-sink.ts'
import { lockDirectory } from './directory-lock.ts'
import { SpoolSegment } from './spool-segment.ts'

export interface SpoolOptions {
  /** Made where there is none. Of this reporter alone. */
  readonly directory: string
  /** Of all files together; beyond it the oldest are removed. At least 1 MiB; 64 MiB where it is left out. */
  readonly maxBytes?: number
  /**
   * Whether what is written is forced to the disk before it counts as kept, so that it outlives the machine and not just
   * the process. True where it is left out.
   */
  readonly isSynced?: boolean
}

export interface SpoolStats {
  /** What the files hold that is not taken. */
  readonly batches: number
  readonly events: number
  readonly bytes: number
  /** Events that were there when the spool was opened. */
  readonly recovered: number
  /** Events removed to stay below `maxBytes`, and in files that could not be read any more. */
  readonly lost: { readonly full: number; readonly damaged: number }
  /** Bytes at the ends of files that a killed process had not finished writing. */
  readonly tornBytes: number
}

const DEFAULT_MAX_BYTES = 64 * 2 ** 20
const MIN_MAX_BYTES = 2 ** 20
const MAX_SEGMENT_BYTES = 4 * 2 ** 20
const SEGMENTS = 16
const FILE = /^(\d{12})\.spool$/

/**
 * Batches on disk, in the order in which they came, across restarts.
 *
 * Files are only appended to, but for a byte a batch that says it is taken, and removed when all of theirs are. What `append`
 * has answered for survives `kill -9`; a record that was being written is found torn and cut off.
 */
export class Spool {
  readonly directory: string
  /** Told when events are lost. */
  onLost: ((why: keyof SpoolStats['lost'], stats: SpoolStats) => void) | undefined
  readonly #maxBytes: number
  readonly #segmentBytes: number
  readonly #isSynced: boolean
  readonly #unlock: () => Promise<void>
  readonly #segments: SpoolSegment[] = []
  #head: NumberedBatch | undefined
  #nextFile = 1
  #recovered = 0
  readonly #lost = { full: 0, damaged: 0 }
  #tornBytes = 0
  /** The last of the calls, which run one after the other. */
  #last: Promise<unknown> = Promise.resolve()

  private constructor(options: SpoolOptions, unlock: () => Promise<void>) {
    this.directory = resolve(options.directory)
    this.#maxBytes = options.maxBytes ?? DEFAULT_MAX_BYTES
    this.#segmentBytes = Math.min(MAX_SEGMENT_BYTES, this.#maxBytes / SEGMENTS)
    this.#isSynced = options.isSynced ?? true
    this.#unlock = unlock
  }

  /** Rejects with a RangeError, a SpoolError, or what the system says of the directory. */
  static async open(options: SpoolOptions): Promise<Spool> {
    const { maxBytes = DEFAULT_MAX_BYTES } = options
    if (!(maxBytes >= MIN_MAX_BYTES)) {
      throw new RangeError(`maxBytes of a spool is ${maxBytes}: it must be at least ${MIN_MAX_BYTES}`)
    }
    const directory = resolve(options.directory)
    // What events hold, paths for example, is nobody else's.
    await mkdir(directory, { recursive: true, mode: 0o700 })
    const unlock = await lockDirectory(directory)
    const spool = new Spool(options, unlock)
    try {
      await spool.#recover()
    } catch (error) {
      await unlock()
      throw error
    }
    return spool
  }

  get stats(): SpoolStats {
    const sum = (of: (segment: SpoolSegment) => number): number =>
      this.#segments.reduce((total, segment) => total + of(segment), 0)
    return {
      batches: sum(({ batches }) => batches),
      events: sum(({ events }) => events),
      bytes: sum(({ bytes }) => bytes),
      recovered: this.#recovered,
      lost: { ...this.#lost },
      tornBytes: this.#tornBytes,
    }
  }

  get isEmpty(): boolean {
    return this.#segments.every(({ batches }) => batches === 0)
  }

  /** Keeps the first of the batches, as many as go into one file, and answers how many that were. */
  append(batches: readonly NumberedBatch[]): Promise<number> {
    return this.#inTurn(async () => {
      const tail = await this.#tail()
      let count = 0
      for (let bytes = tail.bytes; count < batches.length && bytes < this.#segmentBytes; count++) {
        bytes += batches[count]!.bytes.length
      }
      await tail.append(batches.slice(0, count), this.#isSynced)
      while (this.stats.bytes > this.#maxBytes && this.#segments.length > 1) {
        await this.#lose('full', this.#segments[0]!)
      }
      return count
    })
  }

  /** The oldest batch; undefined where there is none. */
  head(): Promise<NumberedBatch | undefined> {
    return this.#inTurn(async () => {
      while (this.#head === undefined && this.#segments.length > 0) {
        const segment = this.#segments[0]!
        if (segment.batches > 0) this.#head = await segment.head().catch(() => undefined)
        if (this.#head === undefined) await this.#lose('damaged', segment)
      }
      return this.#head
    })
  }

  /** Takes the oldest batch away, where it still is that one. */
  shift(batch: NumberedBatch): Promise<void> {
    return this.#inTurn(async () => {
      const segment = this.#segments[0]
      // Where it was sent from memory meanwhile, it has not been read yet.
      const head = this.#head ?? (await segment?.head().catch(() => undefined))
      if (segment === undefined || head?.producer !== batch.producer || head.sequence !== batch.sequence)
        return
      this.#head = undefined
      await segment.shift(batch)
      if (segment.batches === 0) await this.#drop(segment)
    })
  }

  close(): Promise<void> {
    return this.#inTurn(async () => {
      for (const segment of this.#segments) await segment.close()
      await this.#unlock()
    })
  }

  async #recover(): Promise<void> {
    const names = (await readdir(this.directory)).filter((name) => FILE.test(name)).sort()
    for (const name of names) {
      const { segment, tornBytes } = await SpoolSegment.recover(join(this.directory, name))
      this.#nextFile = Number.parseInt(name, 10) + 1
      this.#tornBytes += tornBytes
      this.#recovered += segment.events
      if (segment.batches === 0) await segment.remove()
      else this.#segments.push(segment)
    }
  }

  /** The file to append to. */
  async #tail(): Promise<SpoolSegment> {
    const last = this.#segments.at(-1)
    if (last !== undefined && !last.isSealed && last.bytes < this.#segmentBytes) return last
    // The first one is read, and marked, through the same handle.
    if (this.#segments.length > 1) await last?.close()
    const name = `${String(this.#nextFile++).padStart(12, '0')}.spool`
    const segment = await SpoolSegment.create(join(this.directory, name))
    this.#segments.push(segment)
    if (this.#isSynced) await syncDirectory(this.directory)
    return segment
  }

  /** Removes a file in which events may be that are not taken. */
  async #lose(why: keyof SpoolStats['lost'], segment: SpoolSegment): Promise<void> {
    const { events } = segment
    await this.#drop(segment)
    if (events === 0) return
    this.#lost[why] += events
    this.onLost?.(why, this.stats)
  }

  async #drop(segment: SpoolSegment): Promise<void> {
    if (segment === this.#segments[0]) this.#head = undefined
    this.#segments.splice(this.#segments.indexOf(segment), 1)
    // One that cannot be removed is found by the next life, which sends it again under its numbers.
    await segment.remove().catch(() => undefined)
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work)
    this.#last = turn.catch(() => undefined)
    return turn
  }
}

/** So that a new file's name is on the disk too. */
async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
