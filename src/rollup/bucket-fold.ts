import { classify, type ClassificationRules } from '../event/classification.ts'
import type { Dictionary } from '../event/dictionary.ts'
import type { EventColumns } from '../event/event-columns.ts'
import type { FlowTable } from './flow-table.ts'
import { bucketOf } from './histogram.ts'
import type { Rollup } from './rollup.ts'
import type { TopRollup } from './top-rollup.ts'

/**
 * Folds events into one bucket's rollup and top sketches.
 *
 * The hot path: an event costs array look-ups by its flow and outcome, one histogram increment, one outcome increment
 * and a few sums kept by flow. Everything that takes strings is done once a flow, and the sums go to the series and
 * the sketches only in `drain`, before the bucket is read.
 */
export class BucketFold {
  readonly rollup: Rollup
  readonly top: TopRollup
  readonly #rules: ClassificationRules
  #flows: FlowTable | undefined
  #dictionary: Dictionary | undefined

  /** Slot plus one of a flow's series; 0 where it is not known yet. */
  #slotOfFlow = new Int32Array(0)
  /** Outcome index plus one in the rollup; 0 where it is not known yet. */
  #outcomeIndex = new Int32Array(0)
  /** 1 where the outcome is a failure. */
  #isFailure = new Uint8Array(0)

  /** By flow, since the last drain. */
  #count = new Float64Array(0)
  #failures = new Float64Array(0)
  #latencySum = new Float64Array(0)
  #best = new Float64Array(0)
  #worst = new Float64Array(0)
  #last = new Float64Array(0)
  #firstMs = new Float64Array(0)
  #lastMs = new Float64Array(0)
  #requestBytes = new Float64Array(0)
  #responseBytes = new Float64Array(0)
  #touched = new Int32Array(64)
  #touchedCount = 0

  constructor(rollup: Rollup, top: TopRollup, rules: ClassificationRules = {}) {
    this.rollup = rollup
    this.top = top
    this.#rules = rules
  }

  /** Folds requests `[from, to)` of a batch; `flows` is the table of the batch's dictionary. */
  foldRequests(columns: EventColumns, flows: FlowTable, from: number, to: number): void {
    this.#use(columns.dictionary, flows)
    const { flow, outcome, timeMs, latencyMicros, requestBytes, responseBytes } = columns
    for (let i = from; i < to; i++) {
      const f = flow[i]!
      if (this.#slotOfFlow[f] === 0) this.#resolveFlow(f)
      const o = outcome[i]!
      if (this.#outcomeIndex[o] === 0) this.#resolveOutcome(o)
    }
    const { latencies, outcomes } = this.rollup
    const slotOfFlow = this.#slotOfFlow
    const outcomeIndex = this.#outcomeIndex
    const isFailure = this.#isFailure
    const count = this.#count
    const failures = this.#failures
    const latencySum = this.#latencySum
    const best = this.#best
    const worst = this.#worst
    const last = this.#last
    const firstMs = this.#firstMs
    const lastMs = this.#lastMs
    const requestSum = this.#requestBytes
    const responseSum = this.#responseBytes
    for (let i = from; i < to; i++) {
      const f = flow[i]!
      const o = outcome[i]!
      const slot = slotOfFlow[f]! - 1
      const micros = latencyMicros[i]!
      const time = timeMs[i]!
      latencies.add(slot, bucketOf(micros), 1)
      outcomes.add(slot, outcomeIndex[o]! - 1, 1)
      if (count[f] === 0) this.#touch(f, time, micros)
      count[f]!++
      failures[f]! += isFailure[o]!
      latencySum[f]! += micros
      requestSum[f]! += requestBytes[i]!
      responseSum[f]! += responseBytes[i]!
      if (micros < best[f]!) best[f] = micros
      if (micros > worst[f]!) worst[f] = micros
      if (time < firstMs[f]!) firstMs[f] = time
      if (time > lastMs[f]! || (time === lastMs[f]! && micros > last[f]!)) {
        lastMs[f] = time
        last[f] = micros
      }
    }
  }

  /** Folds connection event `index` of a batch. */
  foldConnection(columns: EventColumns, flows: FlowTable, index: number): void {
    this.#use(columns.dictionary, flows)
    const flow = columns.connectionFlow[index]!
    if (this.#slotOfFlow[flow] === 0) this.#resolveFlow(flow)
    this.rollup.addConnections(this.#slotOfFlow[flow]! - 1, {
      open: columns.connectionOpen[index]!,
      atMs: columns.connectionTimeMs[index]!,
      opened: columns.connectionOpened[index]!,
      closed: columns.connectionClosed[index]!,
      readBytes: columns.connectionReadBytes[index]!,
      writtenBytes: columns.connectionWrittenBytes[index]!,
    })
  }

  /** Brings series and sketches up to date. The bucket's rollup must not be read before. */
  drain(): void {
    const flows = this.#flows
    if (flows === undefined || this.#touchedCount === 0) return
    for (let i = 0; i < this.#touchedCount; i++) {
      const f = this.#touched[i]!
      const { scope, series, destination, topId, topKey } = flows.flow(f)
      this.rollup.addSums(this.#slotOfFlow[f]! - 1, {
        latencySumMicros: this.#latencySum[f]!,
        requestBytes: this.#requestBytes[f]!,
        responseBytes: this.#responseBytes[f]!,
        firstMs: this.#firstMs[f]!,
        lastMs: this.#lastMs[f]!,
      })
      this.top.add(scope, series.direction, destination, topId, topKey, {
        count: this.#count[f]!,
        failures: this.#failures[f]!,
        bestMicros: this.#best[f]!,
        worstMicros: this.#worst[f]!,
        latencySumMicros: this.#latencySum[f]!,
        lastMicros: this.#last[f]!,
        lastMs: this.#lastMs[f]!,
      })
      this.#count[f] = 0
    }
    this.#touchedCount = 0
    this.top.prune()
  }

  #use(dictionary: Dictionary, flows: FlowTable): void {
    if (this.#dictionary !== dictionary) {
      this.drain()
      this.#dictionary = dictionary
      this.#flows = flows
      this.#slotOfFlow.fill(0)
      this.#outcomeIndex.fill(0)
    }
    if (dictionary.flowCount > this.#slotOfFlow.length) this.#growFlows(dictionary.flowCount)
    if (dictionary.outcomeCount > this.#outcomeIndex.length) {
      const length = Math.max(64, dictionary.outcomeCount * 2)
      this.#outcomeIndex = copied(this.#outcomeIndex, new Int32Array(length))
      this.#isFailure = copied(this.#isFailure, new Uint8Array(length))
    }
  }

  #growFlows(flows: number): void {
    const length = Math.max(256, flows * 2)
    this.#slotOfFlow = copied(this.#slotOfFlow, new Int32Array(length))
    this.#count = copied(this.#count, new Float64Array(length))
    this.#failures = copied(this.#failures, new Float64Array(length))
    this.#latencySum = copied(this.#latencySum, new Float64Array(length))
    this.#best = copied(this.#best, new Float64Array(length))
    this.#worst = copied(this.#worst, new Float64Array(length))
    this.#last = copied(this.#last, new Float64Array(length))
    this.#firstMs = copied(this.#firstMs, new Float64Array(length))
    this.#lastMs = copied(this.#lastMs, new Float64Array(length))
    this.#requestBytes = copied(this.#requestBytes, new Float64Array(length))
    this.#responseBytes = copied(this.#responseBytes, new Float64Array(length))
  }

  #resolveFlow(flow: number): void {
    this.#slotOfFlow[flow] = this.rollup.slot(this.#flows!.flow(flow).series) + 1
  }

  #resolveOutcome(outcome: number): void {
    const dictionary = this.#dictionary!
    const status = dictionary.outcomeStatus(outcome)
    const grpcStatus = dictionary.outcomeGrpcStatus(outcome)
    const classification = classify(status, grpcStatus, dictionary.outcomeReset(outcome), this.#rules)
    const reason = dictionary.symbols.text(dictionary.outcomeReason(outcome))
    const index = this.rollup.outcomes.index({ status, grpcStatus, classification, reason })
    this.#outcomeIndex[outcome] = index + 1
    this.#isFailure[outcome] = classification === 'failure' ? 1 : 0
  }

  /** Begins a flow's sums anew. */
  #touch(flow: number, timeMs: number, micros: number): void {
    if (this.#touchedCount === this.#touched.length) {
      this.#touched = copied(this.#touched, new Int32Array(this.#touched.length * 2))
    }
    this.#touched[this.#touchedCount++] = flow
    this.#failures[flow] = 0
    this.#latencySum[flow] = 0
    this.#requestBytes[flow] = 0
    this.#responseBytes[flow] = 0
    this.#best[flow] = micros
    this.#worst[flow] = micros
    this.#last[flow] = micros
    this.#firstMs[flow] = timeMs
    this.#lastMs[flow] = timeMs
  }
}

function copied<A extends Int32Array | Float64Array | Uint8Array>(from: A, to: A): A {
  to.set(from)
  return to
}
