import { ProducerWindows } from '../aggregator/producer-windows.ts'
import { type BareFormat, type Identify, RecordDecoder } from '../aggregator/record-decoder.ts'
import { topicCluster, topicOf } from '../aggregator/topic-cluster.ts'
import { batchNumberOf, NUMBER_HEADERS } from '../event/batch-number.ts'
import type { ClassificationRules } from '../event/classification.ts'
import { DecodeError } from '../event/decode-error.ts'
import type { RequestEvent } from '../event/event.ts'
import type { EventColumns } from '../event/event-columns.ts'
import type { PartitionId, StoredRecord } from '../log/event-log.ts'
import type { FlowTableOptions } from '../rollup/flow-table.ts'
import { PublishedEvents } from '../tap/published-events.ts'
import { TapMatcher } from '../tap/tap-matcher.ts'
import type { TapQuery } from '../tap/tap-query.ts'

export interface RecordMatcherOptions {
  readonly query: TapQuery
  readonly topic: string
  /** As the fold has them. */
  readonly flows: FlowTableOptions
  readonly rules?: ClassificationRules
  readonly identify?: Identify
  /** By topic: what its records are that do not say. */
  readonly bareFormats?: ReadonlyMap<string, BareFormat>
  /** Epoch milliseconds. */
  readonly now: () => number
}

/**
 * Finds what a tap wants in records of the log, as an aggregator does while it folds them: what is malformed is passed
 * over, and so is a numbered batch that came before within what is read.
 */
export class RecordMatcher {
  readonly #options: RecordMatcherOptions
  readonly #matcher: TapMatcher
  readonly #published: PublishedEvents
  /** By topic. */
  readonly #decoders = new Map<string, RecordDecoder>()
  readonly #producers = new Map<PartitionId, ProducerWindows>()
  #matched = 0

  constructor(options: RecordMatcherOptions) {
    this.#options = options
    const { query, flows, rules } = options
    this.#matcher = new TapMatcher(rules === undefined ? { flows } : { flows, rules })
    this.#matcher.setTaps([{ id: 'replay', query }])
    this.#published = new PublishedEvents(query, flows)
  }

  /** Requests in the records so far; of a tap that may not show all, those that matched, as it is live. */
  get seen(): number {
    return this.#options.query.scopes === undefined ? this.#matcher.seen : this.#matched
  }

  match(partition: PartitionId, record: StoredRecord): RequestEvent[] {
    const { topic, flows } = this.#options
    const cluster = topicCluster(partition, topic) ?? flows.defaultCluster
    const columns = this.#decode(topicOf(partition), cluster, record)
    if (columns === undefined || this.#isRepeated(partition, record, columns)) return []
    const events: RequestEvent[] = []
    this.#matcher.match(
      columns,
      (_tap, index) => {
        const event = this.#published.event(columns, index, cluster)
        if (event !== undefined) events.push(event)
      },
      cluster,
    )
    this.#matched += events.length
    return events
  }

  #decode(topic: string, cluster: string, record: StoredRecord): EventColumns | undefined {
    let decoder = this.#decoders.get(topic)
    if (decoder === undefined) {
      const { identify, bareFormats } = this.#options
      const bareFormat = bareFormats?.get(topic)
      decoder = new RecordDecoder({
        defaultCluster: cluster,
        ...(identify === undefined ? {} : { identify }),
        ...(bareFormat === undefined ? {} : { bareFormat }),
      })
      this.#decoders.set(topic, decoder)
    }
    return decoder.decode(record).kind === 'decoded' ? decoder.columns : undefined
  }

  #isRepeated(partition: PartitionId, { headers }: StoredRecord, columns: EventColumns): boolean {
    try {
      const number =
        columns.sequence > 0
          ? columns
          : batchNumberOf(headers[NUMBER_HEADERS.producer], headers[NUMBER_HEADERS.sequence])
      if (number === undefined) return false
      let producers = this.#producers.get(partition)
      if (producers === undefined) this.#producers.set(partition, (producers = new ProducerWindows()))
      return !producers.accept(number.producer, number.sequence, this.#options.now())
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      return true
    }
  }
}
