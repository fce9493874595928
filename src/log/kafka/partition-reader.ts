import { LogError, type PartitionHandler, type PartitionId, type RecordBatch } from '../event-log.ts'
import type { FetchedPartition } from './fetch-request.ts'
import { RecordSet } from './record-decoder.ts'
import type { ReusableMemory } from './reusable-memory.ts'
import { Backoff, type OnTrouble } from './trouble.ts'
import { Waker } from './waker.ts'

/** Of what a handler is given at once. */
const BATCH_RECORDS = 4096
const BATCH_BYTES = 4 * 2 ** 20
/** First and longest wait before a handler that rejected is called again. */
const MIN_RETRY_MS = 100
const MAX_RETRY_MS = 10_000

export interface ReaderOptions {
  readonly id: PartitionId
  readonly topic: string
  readonly partition: number
  readonly handler: PartitionHandler
  readonly onTrouble: OnTrouble
  /** What records are read into. */
  readonly memory: ReusableMemory
  /** Resolves when records may be given: who was stopped for long waits until the group confirms him. */
  readonly mayGive: () => Promise<void> | undefined
  /** Called when the fetcher should look again. */
  readonly onChange: () => void
  /** Awaited first: the reader of the partition that was here before. */
  readonly after: Promise<unknown> | undefined
}

/** Reads one partition to a handler, batch after batch, from what the fetcher delivers, until it is closed. */
export class PartitionReader {
  readonly id: PartitionId
  readonly topic: string
  readonly partition: number
  readonly #options: ReaderOptions
  readonly #done: Promise<void>
  readonly #retry = new Backoff(MIN_RETRY_MS, MAX_RETRY_MS)
  /** Where the next fetch begins, once it is known. */
  #fetchOffset: number | undefined
  #set: RecordSet | undefined
  #endOffset = 0
  /** The offset after what the handler last answered. */
  #progress: number | undefined
  #isSought = false
  #isAssigned = false
  #isClosed = false
  readonly #closed = Promise.withResolvers<void>()
  readonly #waker = new Waker()

  constructor(options: ReaderOptions) {
    this.id = options.id
    this.topic = options.topic
    this.partition = options.partition
    this.#options = options
    this.#done = this.#run()
  }

  /** The offset to fetch from; undefined while it has enough, or is not to be read. */
  get wantedOffset(): number | undefined {
    return this.#isClosed || this.#set !== undefined ? undefined : this.#fetchOffset
  }

  get bufferedBytes(): number {
    return this.#set?.bytes ?? 0
  }

  /** What the handler answered last. */
  get progress(): number | undefined {
    return this.#progress
  }

  seek(offset: number): void {
    this.#fetchOffset = checkedOffset(offset)
    this.#set = undefined
    this.#isSought = true
    this.#changed()
  }

  /** Takes what was fetched from `offset`, unless that is no longer wanted. */
  deliver(offset: number, { bytes, aborted, endOffset }: FetchedPartition): void {
    if (this.wantedOffset !== offset || bytes.length === 0) return
    this.#endOffset = endOffset
    const onDamaged = (message: string) => this.#tell('records', message)
    this.#set = new RecordSet(bytes, offset, aborted, this.#options.memory, onDamaged)
    this.#waker.wake()
  }

  /** Moves where reading goes on without telling the handler: records are missing there. */
  skipTo(from: number, to: number): void {
    if (this.wantedOffset === from) this.#fetchOffset = to
  }

  /** Resolves when the handler has given the partition back. Not to be awaited by the handler's own calls. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#closed.resolve()
    this.#set = undefined
    this.#waker.wake()
    await this.#done
  }

  async #run(): Promise<void> {
    await this.#options.after
    while (!this.#isClosed) {
      try {
        if (this.#isAssigned) await this.#step()
        else await this.#assign()
        this.#retry.reset()
      } catch (error) {
        this.#tell(
          'handler',
          `the handler of ${this.id} rejected and is called again: ${(error as Error).message}`,
        )
        await this.#pause(this.#retry.next())
      }
    }
    if (!this.#isAssigned) return
    try {
      await this.#options.handler.revoked(this.id)
    } catch (error) {
      this.#tell('handler', `the handler of ${this.id} rejected giving it back: ${(error as Error).message}`)
    }
  }

  async #assign(): Promise<void> {
    const offset = checkedOffset(await this.#options.handler.assigned(this.id))
    this.#isAssigned = true
    this.#progress = offset
    if (!this.#isSought) this.#fetchOffset = offset
    this.#options.onChange()
  }

  async #step(): Promise<void> {
    const set = this.#set
    const batch = this.#take()
    // Begins to wait in the same turn: a delivery, seek or close in between would be missed.
    if (batch === undefined) return this.#waker.wait()
    // Where the handler did not say that it is done, it may still read what it was given.
    if ((await this.#give(batch)) === 'taken' && this.#set !== set) set?.release()
  }

  /** The next batch of what was fetched. What was taken is fetched on from at once. */
  #take(): RecordBatch | undefined {
    const set = this.#set
    if (set === undefined) return undefined
    const { records, nextOffset } = set.take(BATCH_RECORDS, BATCH_BYTES)
    if (set.isEmpty) {
      this.#set = undefined
      this.#fetchOffset = nextOffset
      this.#options.onChange()
    }
    const last = records.at(-1)
    if (last === undefined) return undefined
    // What comes after the last record and is none does not count as something to come.
    const endOffset = nextOffset >= this.#endOffset ? last.offset + 1 : this.#endOffset
    return { partition: this.id, records, endOffset }
  }

  /** Gives a batch until the handler takes it, or something else is wanted. */
  async #give(batch: RecordBatch): Promise<'taken' | 'dropped'> {
    this.#isSought = false
    for (;;) {
      const allowed = this.#options.mayGive()
      // Who waits to be confirmed gives back at once: it is what being confirmed may wait for.
      if (allowed !== undefined) await Promise.race([allowed, this.#closed.promise])
      if (this.#isClosed || this.#isSought) return 'dropped'
      try {
        const next = checkedOffset(await this.#options.handler.records(batch))
        this.#progress = next
        if (this.#isSought || next === batch.records.at(-1)!.offset + 1) return 'taken'
        this.#set = undefined
        this.#fetchOffset = next
        this.#options.onChange()
        return 'taken'
      } catch (error) {
        this.#tell(
          'handler',
          `the handler of ${this.id} rejected records and gets them again: ${(error as Error).message}`,
        )
        await this.#pause(this.#retry.next())
      }
    }
  }

  #tell(kind: 'handler' | 'records', message: string): void {
    this.#options.onTrouble({ kind, message, partition: this.id })
  }

  async #pause(ms: number): Promise<void> {
    if (!this.#isClosed) await this.#waker.pause(ms)
  }

  #changed(): void {
    this.#waker.wake()
    this.#options.onChange()
  }
}

function checkedOffset(offset: number): number {
  if (Number.isSafeInteger(offset) && offset >= 0) return offset
  throw new LogError('LOG_CORRUPT', `an offset is a whole number from 0, not ${offset}`)
}
