import type { PartitionHandler, PartitionId, Subscription } from '../event-log.ts'
import { isReadWith } from '../mirrored-topic.ts'
import type { Brokers, TopicMetadata } from './brokers.ts'
import { Fetcher } from './fetcher.ts'
import { GroupMember } from './group-member.ts'
import { PartitionReader } from './partition-reader.ts'
import type { OnTrouble } from './trouble.ts'

/** How often the group's offsets are written. */
const COMMIT_MS = 5_000
/** How long giving partitions back may keep the group waiting. */
const REVOKE_MS = 4_000

export interface SubscriptionOptions {
  readonly brokers: Brokers
  readonly topic: string
  readonly handler: PartitionHandler
  readonly group: string
  readonly sessionTimeoutMs: number
  /** Of this subscription among those of the process. */
  readonly number: number
  readonly onTrouble: OnTrouble
  readonly onClose: (subscription: KafkaSubscription) => void
}

/** The partitions of a topic and its mirrors that the group gives to this member. */
export class KafkaSubscription implements Subscription {
  readonly #options: SubscriptionOptions
  readonly #readers = new Map<PartitionId, PartitionReader>()
  /** Readers that end, whose partitions must not be read again before they have. */
  readonly #ending = new Map<PartitionId, Promise<void>>()
  readonly #fetcher: Fetcher
  readonly #member: GroupMember
  readonly #committed = new Map<PartitionId, number>()
  readonly #commitTimer: NodeJS.Timeout
  #topics: Readonly<Record<string, number>> = {}
  #closing: Promise<void> | undefined

  constructor(options: SubscriptionOptions, topics: readonly TopicMetadata[]) {
    this.#options = options
    this.#topics = this.#countsOf(topics)
    const { brokers, group, sessionTimeoutMs, number, onTrouble } = options
    this.#fetcher = new Fetcher(brokers, `fetch ${number}`, this.#readers, onTrouble)
    this.#member = new GroupMember({
      brokers,
      group,
      sessionTimeoutMs,
      purpose: `group ${number}`,
      onTrouble,
      topics: () => this.#topics,
      assigned: (partitions) => this.#assigned(partitions),
      revoked: (partitions) => this.#revoked(partitions),
    })
    this.#commitTimer = setInterval(() => void this.#commit(), COMMIT_MS)
    this.#member.start()
  }

  seek(partition: PartitionId, offset: number): void {
    this.#readers.get(partition)?.seek(offset)
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  /** What topics there are now: with new ones, or new partitions, the group shares out anew. */
  found(topics: readonly TopicMetadata[]): void {
    const counts = this.#countsOf(topics)
    if (JSON.stringify(counts) === JSON.stringify(this.#topics)) return
    this.#topics = counts
    this.#member.rejoin()
  }

  async #close(): Promise<void> {
    clearInterval(this.#commitTimer)
    this.#fetcher.close()
    await this.#revoked([...this.#readers.keys()])
    await this.#member.close()
    this.#options.onClose(this)
  }

  #countsOf(topics: readonly TopicMetadata[]): Readonly<Record<string, number>> {
    const read = topics.filter(({ topic }) => isReadWith(this.#options.topic, topic))
    const counts = read.map(({ topic, partitions }) => [topic, partitions.length] as const)
    return Object.fromEntries(counts.sort(([a], [b]) => (a < b ? -1 : 1)))
  }

  #assigned(partitions: readonly PartitionId[]): void {
    if (this.#closing !== undefined) return
    const { brokers, handler, onTrouble } = this.#options
    for (const id of partitions) {
      const at = id.lastIndexOf('-')
      const reader = new PartitionReader({
        id,
        topic: id.slice(0, at),
        partition: Number(id.slice(at + 1)),
        handler,
        onTrouble,
        memory: brokers.memory,
        mayGive: () => (this.#member.isConfirmed ? undefined : this.#member.confirmed),
        onChange: () => this.#fetcher.wake(),
        after: this.#ending.get(id),
      })
      this.#readers.set(id, reader)
    }
  }

  /** Resolves when the handler has given them back, or has taken too long to. */
  async #revoked(partitions: readonly PartitionId[]): Promise<void> {
    const readers = partitions.flatMap((id) => this.#readers.get(id) ?? [])
    const ends = readers.map((reader) => {
      this.#readers.delete(reader.id)
      const end = reader.close().finally(() => {
        if (this.#ending.get(reader.id) === end) this.#ending.delete(reader.id)
      })
      this.#ending.set(reader.id, end)
      return end
    })
    if (ends.length === 0) return
    let timer: NodeJS.Timeout | undefined
    const timedOut = new Promise<'late'>((resolve) => {
      timer = setTimeout(() => resolve('late'), REVOKE_MS)
    })
    const outcome = await Promise.race([Promise.all(ends), timedOut])
    clearTimeout(timer)
    if (outcome === 'late') {
      const late = readers.flatMap(({ id }) => (this.#ending.has(id) ? id : []))
      const message = `the handler has not given back ${late.join(', ')} within ${REVOKE_MS} ms: others read on`
      this.#options.onTrouble({ kind: 'handler', message })
    }
    await this.#commit(readers)
  }

  async #commit(readers: Iterable<PartitionReader> = this.#readers.values()): Promise<void> {
    const offsets = new Map<PartitionId, number>()
    for (const { id, progress } of readers) {
      if (progress !== undefined && this.#committed.get(id) !== progress) offsets.set(id, progress)
    }
    for (const id of this.#committed.keys()) if (!this.#readers.has(id)) this.#committed.delete(id)
    try {
      await this.#member.commit(offsets)
      for (const [id, offset] of offsets) if (this.#readers.has(id)) this.#committed.set(id, offset)
    } catch {
      // Only lag is seen by them: the next commit says it.
    }
  }
}
