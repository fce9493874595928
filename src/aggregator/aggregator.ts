import type { EventLog, LogRecord, PartitionId, RecordBatch, Subscription } from '../log/event-log.ts'
import { LogError } from '../log/event-log.ts'
import { StoreError } from '../store/rollup-store.ts'
import { type DeadLetter, PartitionProcessor, type ProcessorOptions } from './partition-processor.ts'

/** Longest wait between two tries at a store or log that does not answer. */
const MAX_BACKOFF_MS = 5_000

/** A partition that another worker claimed is claimed again this long after, if the log still assigns it here. */
const RECLAIM_MS = 10_000

/** An idle partition commits its watermark this often, so that its data is not taken for old. */
const HEARTBEAT_MS = 5_000

/** What the headers of a dead letter add to its record, at most. */
const LETTER_HEADER_BYTES = 8192

/** Records from this size on lose their end where the log would not take their dead letters else. */
const LONG_BYTES = 65_536

export interface AggregatorOptions {
  readonly log: EventLog
  readonly topic: string
  readonly deadLetterTopic: string
  /** Time between a partition's commits while events come. */
  readonly flushMs: number
  readonly processor: Omit<ProcessorOptions, 'partition' | 'setAside'>
  /** Told of what went wrong and is being tried again. */
  readonly onTrouble: (trouble: AggregatorTrouble) => void
  /** Told of what cannot be tried again: the worker's owner stops it. */
  readonly onFatal: (error: unknown) => void
}

export interface AggregatorTrouble {
  readonly partition: PartitionId
  readonly kind: 'store' | 'log' | 'stale-epoch' | 'store-moved'
  readonly message: string
}

interface Assigned {
  /** Undefined while the partition is to be claimed anew. */
  processor: PartitionProcessor | undefined
  /** Calls of one partition, one after the other. */
  queue: Promise<unknown>
  committedAtMs: number
  /** The offset last asked of the log: a batch read before that is not what is wanted. */
  asked: number
  /** No claim before this time. */
  claimAtMs: number
  /** Aborted when the partition is revoked or the worker stops: nothing waits any longer. */
  readonly gone: AbortController
}

/** A worker: claims the partitions that the log assigns to it, folds their records, and commits on time. */
export class Aggregator {
  readonly #options: AggregatorOptions
  readonly #partitions = new Map<PartitionId, Assigned>()
  #subscribing: Promise<Subscription> | undefined
  #subscription: Subscription | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(options: AggregatorOptions) {
    this.#options = options
  }

  async start(): Promise<void> {
    this.#subscribing = this.#options.log.subscribe(this.#options.topic, {
      assigned: (partition) => this.#assigned(partition),
      records: (batch) => this.#records(batch),
      revoked: (partition) => this.#revoked(partition),
    })
    this.#subscription = await this.#subscribing
    this.#timer = setInterval(() => this.#flush(), Math.max(10, this.#options.flushMs / 4))
  }

  /** Whether every assigned partition is claimed. */
  get isReady(): boolean {
    return this.#partitions.size > 0 && [...this.#partitions.values()].every((p) => p.processor !== undefined)
  }

  /** The processors of the partitions that are claimed here. */
  processors(): PartitionProcessor[] {
    return [...this.#partitions.values()].flatMap(({ processor }) => processor ?? [])
  }

  /** Folds and commits what was taken, and gives the partitions back. Idempotent. */
  async close(): Promise<void> {
    // One that is only being started ends too, when it has. That it cannot be is for `start` to say.
    await this.#subscribing?.catch(() => undefined)
    clearInterval(this.#timer)
    for (const { gone } of this.#partitions.values()) gone.abort()
    await this.#subscription?.close()
    this.#subscription = undefined
  }

  async #assigned(partition: PartitionId): Promise<number> {
    const assigned: Assigned = {
      processor: undefined,
      queue: Promise.resolve(),
      committedAtMs: 0,
      asked: 0,
      claimAtMs: 0,
      gone: new AbortController(),
    }
    this.#partitions.set(partition, assigned)
    return this.#inTurn(assigned, () => this.#ask(partition, assigned, 0))
  }

  async #records(batch: RecordBatch): Promise<number> {
    const { partition, records, endOffset } = batch
    const start = records[0]!.offset
    const assigned = this.#partitions.get(partition)
    if (assigned === undefined) return start
    const { asked } = assigned
    return this.#inTurn(assigned, async () => {
      // Claimed anew since the batch was read: the batch may not be where the new claim goes on.
      if (assigned.processor === undefined || assigned.asked !== asked)
        return this.#ask(partition, assigned, start)
      try {
        assigned.processor.process(records, endOffset)
      } catch (error) {
        // It may have folded part of a record, which the log gives again.
        assigned.processor = undefined
        throw error
      }
      if (assigned.processor.isCommitDue || this.#isDue(assigned)) await this.#commit(partition, assigned)
      return this.#ask(partition, assigned, start)
    })
  }

  async #revoked(partition: PartitionId): Promise<void> {
    const assigned = this.#partitions.get(partition)
    if (assigned === undefined) return
    assigned.gone.abort()
    try {
      await this.#inTurn(assigned, async () => {
        if (assigned.processor?.isChanged === true) await this.#commit(partition, assigned)
      })
    } finally {
      this.#partitions.delete(partition)
    }
  }

  /** The offset wanted next, of a processor claimed anew where there is none; `otherwise` when it is too late for one. */
  async #ask(partition: PartitionId, assigned: Assigned, otherwise: number): Promise<number> {
    const processor = assigned.processor ?? (await this.#claim(partition, assigned))
    assigned.asked = processor?.offset ?? otherwise
    return assigned.asked
  }

  /** Commits what is due. */
  #flush(): void {
    for (const [partition, assigned] of this.#partitions) {
      if (!this.#isDue(assigned)) continue
      void this.#inTurn(assigned, async () => {
        if (!this.#isDue(assigned)) return
        await this.#commit(partition, assigned)
        if (assigned.processor !== undefined) return
        const offset = await this.#ask(partition, assigned, assigned.asked)
        this.#subscription?.seek(partition, offset)
      }).catch((error: unknown) => this.#options.onFatal(error))
    }
  }

  #isDue({ processor, committedAtMs }: Assigned): boolean {
    if (processor === undefined) return false
    // A clock that was set back must not keep commits waiting until it is where it was.
    const age = Math.abs(this.#options.processor.now() - committedAtMs)
    return age >= (processor.isChanged ? this.#options.flushMs : HEARTBEAT_MS)
  }

  /** Claims a partition, however long the store takes to answer; undefined when the partition goes meanwhile. */
  async #claim(partition: PartitionId, assigned: Assigned): Promise<PartitionProcessor | undefined> {
    const { now } = this.#options.processor
    await pause(Math.min(assigned.claimAtMs - now(), RECLAIM_MS), assigned.gone.signal)
    for (let wait = 50; !assigned.gone.signal.aborted; wait = Math.min(2 * wait, MAX_BACKOFF_MS)) {
      try {
        assigned.processor = await PartitionProcessor.claim({
          ...this.#options.processor,
          partition,
          setAside: (id, letters) => this.#setAside(id, letters),
        })
        assigned.committedAtMs = now()
        return assigned.processor
      } catch (error) {
        if (!(error instanceof StoreError)) throw error
        this.#options.onTrouble({ partition, kind: 'store', message: error.message })
        await pause(wait, assigned.gone.signal)
      }
    }
    return undefined
  }

  /** Commits, and drops the processor where the commit did not go through: what it held is in the log. */
  async #commit(partition: PartitionId, assigned: Assigned): Promise<void> {
    const { processor } = assigned
    if (processor === undefined) return
    try {
      const outcome = await processor.commit()
      assigned.committedAtMs = this.#options.processor.now()
      if (outcome.kind === 'committed') return
      assigned.processor = undefined
      if (outcome.kind === 'stale-epoch') {
        const message = `epoch ${processor.epoch} is stale: another worker claimed the partition with ${outcome.epoch}`
        this.#options.onTrouble({ partition, kind: 'stale-epoch', message })
        assigned.claimAtMs = this.#options.processor.now() + RECLAIM_MS
      } else {
        const message = `the store is at offset ${outcome.offset}, not where it was left: it lost commits`
        this.#options.onTrouble({ partition, kind: 'store-moved', message })
      }
    } catch (error) {
      assigned.processor = undefined
      if (!(error instanceof StoreError || error instanceof LogError)) throw error
      const kind = error instanceof StoreError ? 'store' : 'log'
      this.#options.onTrouble({ partition, kind, message: error.message })
    }
  }

  async #setAside(partition: PartitionId, letters: readonly DeadLetter[]): Promise<void> {
    const { log, deadLetterTopic } = this.#options
    try {
      await log.append(
        deadLetterTopic,
        letters.map((letter) => letterRecord(partition, letter)),
      )
    } catch (error) {
      if (!(error instanceof LogError && error.code === 'LOG_RECORD_TOO_LARGE')) throw error
      // With what is said of it a record may be too long where it alone was not.
      for (const letter of letters) await log.append(deadLetterTopic, [shortened(partition, letter)])
    }
  }

  #inTurn<T>(assigned: Assigned, work: () => Promise<T>): Promise<T> {
    const turn = assigned.queue.then(work)
    assigned.queue = turn.catch(() => undefined)
    return turn
  }
}

function letterRecord(partition: PartitionId, { record, fault }: DeadLetter): LogRecord {
  return {
    ...(record.key === undefined ? {} : { key: record.key }),
    value: record.value,
    headers: {
      ...record.headers,
      'meshtap-reason': fault.reason,
      'meshtap-fault': `${fault.at}: ${fault.message}`.slice(0, 1024),
      'meshtap-partition': partition,
      'meshtap-offset': String(record.offset),
    },
  }
}

/** A dead letter that is no longer than its record was: a long value without its end, and a header that says so. */
function shortened(partition: PartitionId, letter: DeadLetter): LogRecord {
  const { value, headers, ...rest } = letterRecord(partition, letter)
  if (value.length < LONG_BYTES) return { ...rest, value, headers }
  const cut = { ...headers, 'meshtap-cut': String(value.length) }
  return { ...rest, value: value.subarray(0, -LETTER_HEADER_BYTES), headers: cut }
}

/** Waits, or not when the signal comes first. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (ms <= 0 || signal.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done)
  })
}
