import type { PartitionId } from '../event-log.ts'
import type { Brokers } from './brokers.ts'
import { type FetchedPartition, fetchRequest, type WantedPartition } from './fetch-request.ts'
import { BrokerError, CODE, isPassing } from './kafka-error.ts'
import { EARLIEST, LATEST, listOffset } from './list-offsets.ts'
import type { PartitionReader } from './partition-reader.ts'
import { Backoff, type OnTrouble } from './trouble.ts'

/** How long a broker waits for something to come, where all partitions that it leads here are asked for. */
const IDLE_WAIT_MS = 250
/** The same where some are not, because they have records left: they are to be asked for soon. */
const BUSY_WAIT_MS = 20
const ANSWER_BYTES = 8 * 2 ** 20
/** Of a partition in one answer: with less, a worker of few partitions waits, and what it left in the caches is gone. */
const PARTITION_BYTES = 4 * 2 ** 20
/** Beyond this only partitions without records are fetched, and little of them. */
const BUFFER_BYTES = 64 * 2 ** 20
const SMALL_BYTES = 65_536
const ANSWER_MS = 10_000
const MIN_RETRY_MS = 100
const MAX_RETRY_MS = 1_000
/** How often it is looked whether a partition has grown to where it is to be read from. */
const BEYOND_END_MS = 500

/**
 * Fetches for the partitions that are read here: one request at a time to each broker, of the partitions that have no
 * records left. A partition is asked for again as soon as the last of its records are with the handler, so what comes
 * next is there when the handler is done, and a slow one holds up none of the others.
 *
 * In memory there are at most BUFFER_BYTES, one answer a broker, SMALL_BYTES a partition, and of each partition one
 * record batch inflated. An answer may be longer by one record batch, of what the topic's max.message.bytes allows.
 */
export class Fetcher {
  readonly #brokers: Brokers
  readonly #purpose: string
  readonly #readers: ReadonlyMap<PartitionId, PartitionReader>
  readonly #onTrouble: OnTrouble
  /** Brokers that a fetch is under way to. */
  readonly #busy = new Set<number>()
  /** Partitions that are not to be fetched before a time. */
  readonly #notBefore = new Map<PartitionReader, number>()
  readonly #backoffs = new Map<number, Backoff>()
  /** Partitions and brokers that trouble was told of, until they answer again. */
  readonly #troubled = new Set<PartitionId | number>()
  #turn = 0
  #timer: NodeJS.Timeout | undefined
  #isDue = false
  #isClosed = false

  constructor(
    brokers: Brokers,
    purpose: string,
    readers: ReadonlyMap<PartitionId, PartitionReader>,
    onTrouble: OnTrouble,
  ) {
    this.#brokers = brokers
    this.#purpose = purpose
    this.#readers = readers
    this.#onTrouble = onTrouble
  }

  /** Something is wanted that was not before. */
  wake(): void {
    if (this.#isDue || this.#isClosed) return
    this.#isDue = true
    setImmediate(() => {
      this.#isDue = false
      this.#fetchDue()
    })
  }

  close(): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
    this.#brokers.release(this.#purpose)
  }

  #fetchDue(): void {
    if (this.#isClosed) return
    const now = performance.now()
    for (const reader of this.#notBefore.keys()) {
      if (this.#readers.get(reader.id) !== reader) this.#notBefore.delete(reader)
    }
    let bufferedBytes = 0
    for (const reader of this.#readers.values()) bufferedBytes += reader.bufferedBytes
    const maxBytes = bufferedBytes < BUFFER_BYTES ? PARTITION_BYTES : SMALL_BYTES
    const wantedByLeader = new Map<number, WantedPartition[]>()
    const passedLeaders = new Set<number>()
    const withoutLeader = new Set<string>()
    for (const reader of this.#inTurn()) {
      const { topic, partition, wantedOffset } = reader
      const leader = this.#brokers.leader(topic, partition)
      if (wantedOffset === undefined || (this.#notBefore.get(reader) ?? 0) > now) {
        if (leader !== undefined) passedLeaders.add(leader)
      } else if (leader === undefined) withoutLeader.add(topic)
      else {
        const wanted = wantedByLeader.get(leader)
        const one = { topic, partition, offset: wantedOffset, maxBytes }
        if (wanted === undefined) wantedByLeader.set(leader, [one])
        else wanted.push(one)
      }
    }
    for (const [leader, wanted] of wantedByLeader) {
      if (this.#busy.has(leader)) continue
      void this.#fetch(leader, wanted, passedLeaders.has(leader) ? BUSY_WAIT_MS : IDLE_WAIT_MS)
    }
    if (withoutLeader.size > 0) void this.#findLeaders([...withoutLeader])
    this.#wakeAt(now)
  }

  /** The readers, beginning with another each time: the first of a request gets its records whatever their size. */
  #inTurn(): PartitionReader[] {
    const readers = [...this.#readers.values()]
    if (readers.length === 0) return readers
    const at = this.#turn++ % readers.length
    return [...readers.slice(at), ...readers.slice(0, at)]
  }

  async #fetch(leader: number, wanted: readonly WantedPartition[], maxWaitMs: number): Promise<void> {
    this.#busy.add(leader)
    try {
      const request = fetchRequest(wanted, { maxWaitMs, maxBytes: ANSWER_BYTES }, this.#brokers.memory)
      const connection = this.#brokers.node(leader, this.#purpose)
      const fetched = await connection.send<FetchedPartition[]>(request, ANSWER_MS)
      this.#troubled.delete(leader)
      this.#backoffs.delete(leader)
      const offsets = new Map(wanted.map(({ topic, partition, offset }) => [`${topic}-${partition}`, offset]))
      const stale = new Set<string>()
      for (const one of fetched) {
        const id: PartitionId = `${one.topic}-${one.partition}`
        const reader = this.#readers.get(id)
        const offset = offsets.get(id)
        if (reader === undefined || offset === undefined) continue
        if (one.errorCode === 0) {
          this.#troubled.delete(id)
          reader.deliver(offset, one)
        } else if (this.#failed(reader, offset, one.errorCode) === 'stale') stale.add(one.topic)
      }
      if (stale.size > 0) await this.#refresh([...stale])
    } catch (error) {
      if (this.#isClosed) return
      this.#tell(leader, 'broker', `cannot fetch from the broker ${leader}: ${(error as Error).message}`)
      const backoff = this.#backoffs.get(leader) ?? new Backoff(MIN_RETRY_MS, MAX_RETRY_MS)
      this.#backoffs.set(leader, backoff)
      const untilMs = performance.now() + backoff.next()
      for (const { topic, partition } of wanted) {
        const reader = this.#readers.get(`${topic}-${partition}`)
        if (reader !== undefined) this.#notBefore.set(reader, untilMs)
      }
      await this.#refresh([...new Set(wanted.map(({ topic }) => topic))])
    } finally {
      this.#busy.delete(leader)
      this.wake()
    }
  }

  #failed(reader: PartitionReader, offset: number, code: number): 'stale' | 'other' {
    this.#notBefore.set(reader, performance.now() + MIN_RETRY_MS)
    if (code === CODE.offsetOutOfRange) {
      this.#notBefore.set(reader, performance.now() + BEYOND_END_MS)
      void this.#findOffset(reader, offset)
      return 'other'
    }
    const { message } = new BrokerError(code, `cannot read ${reader.id}`)
    if (isPassing(code)) return 'stale'
    this.#notBefore.set(reader, performance.now() + MAX_RETRY_MS)
    this.#tell(reader.id, 'fetch', message)
    return 'other'
  }

  /** There is nothing at the offset: what is older was deleted, or the partition does not reach that far. */
  async #findOffset(reader: PartitionReader, offset: number): Promise<void> {
    try {
      const earliest = await listOffset(this.#brokers, 'control', reader, EARLIEST)
      if (offset < earliest) {
        if (offset > 0) {
          const message = `the records ${offset} to ${earliest - 1} of ${reader.id} were deleted before they were read`
          this.#onTrouble({ kind: 'records', message, partition: reader.id })
        }
        reader.skipTo(offset, earliest)
        this.#notBefore.delete(reader)
        this.wake()
        return
      }
      const latest = await listOffset(this.#brokers, 'control', reader, LATEST)
      if (offset <= latest || this.#readers.get(reader.id) !== reader) return
      const message = `${reader.id} ends at offset ${latest} but is read from ${offset}: the log lost records, or is not the one that was read before`
      this.#tell(reader.id, 'records', message)
    } catch {
      // The next fetch asks again, and says what is wrong.
    }
  }

  async #findLeaders(topics: readonly string[]): Promise<void> {
    for (const reader of this.#readers.values()) {
      if (topics.includes(reader.topic)) this.#notBefore.set(reader, performance.now() + MIN_RETRY_MS)
    }
    await this.#refresh(topics)
    this.wake()
  }

  async #refresh(topics: readonly string[]): Promise<void> {
    await this.#brokers.refresh(topics).catch(() => undefined)
  }

  /** Looks again when the first of the partitions that had to wait at `now` may be fetched. */
  #wakeAt(now: number): void {
    clearTimeout(this.#timer)
    let nextMs = Infinity
    for (const ms of this.#notBefore.values()) if (ms > now) nextMs = Math.min(nextMs, ms)
    if (nextMs < Infinity) this.#timer = setTimeout(() => this.wake(), nextMs - now)
  }

  #tell(about: PartitionId | number, kind: 'broker' | 'fetch' | 'records', message: string): void {
    if (this.#troubled.has(about)) return
    this.#troubled.add(about)
    this.#onTrouble({ kind, message, ...(typeof about === 'number' ? {} : { partition: about }) })
  }
}
