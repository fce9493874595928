import { classify, type ClassificationRules } from '../event/classification.ts'
import type { Dictionary } from '../event/dictionary.ts'
import { type EventColumns, TRACE_BYTES } from '../event/event-columns.ts'
import type { FlowTable } from './flow-table.ts'
import { bucketOf } from './histogram.ts'
import type { Rollup } from './rollup.ts'
import { CLIENT, SERVER } from './tls-identities.ts'
import type { TopRollup } from './top-rollup.ts'

/** Places of a flow's sums, side by side, so that an event touches two lines of the processor's cache and not ten. */
const SUM = {
  count: 0,
  failures: 1,
  latency: 2,
  best: 3,
  worst: 4,
  last: 5,
  firstMs: 6,
  lastMs: 7,
  requestBytes: 8,
  responseBytes: 9,
} as const
const STRIDE = 10

/**
 * A fold makes its arrays when it has seen a row for so many flows of the dictionary; until then each row goes to the
 * rollup by itself. So a batch of events of very many times, of which each bucket sees few, takes no memory for the
 * flows that it does not see: the arrays have at most about 1.3 KiB for a row.
 */
const FLOWS_A_ROW = 8

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

  /** What a flow's events add up to since the last drain, `STRIDE` numbers a flow: see `SUM`. */
  #sums = new Float64Array(0)
  #touched = new Int32Array(16)
  #touchedCount = 0

  /** Rows that went to the rollup by themselves, and the slots of their flows. */
  #sparseRows = 0
  readonly #sparseSlots = new Map<number, number>()
  #isPruned = true

  constructor(rollup: Rollup, top: TopRollup, rules: ClassificationRules = {}) {
    this.rollup = rollup
    this.top = top
    this.#rules = rules
  }

  /** Bytes of the arrays over the flows of a dictionary. */
  get flowBytes(): number {
    return this.#slotOfFlow.byteLength + this.#sums.byteLength
  }

  /** Folds requests `[from, to)` of a batch; `flows` is the table of the batch's dictionary. */
  foldRequests(columns: EventColumns, flows: FlowTable, from: number, to: number): void {
    this.#use(columns.dictionary, flows)
    if (this.#isSparse(columns.dictionary, to - from)) {
      for (let i = from; i < to; i++) this.#foldRequest(columns, flows, i)
      return
    }
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
    const sums = this.#sums
    for (let i = from; i < to; i++) {
      const f = flow[i]!
      const o = outcome[i]!
      const slot = slotOfFlow[f]! - 1
      const micros = latencyMicros[i]!
      const time = timeMs[i]!
      latencies.add(slot, bucketOf(micros), 1)
      outcomes.add(slot, outcomeIndex[o]! - 1, 1)
      const at = f * STRIDE
      if (sums[at + SUM.count] === 0) this.#touch(f, time, micros)
      sums[at + SUM.count]!++
      sums[at + SUM.failures]! += isFailure[o]!
      sums[at + SUM.latency]! += micros
      sums[at + SUM.requestBytes]! += requestBytes[i]!
      sums[at + SUM.responseBytes]! += responseBytes[i]!
      if (micros < sums[at + SUM.best]!) sums[at + SUM.best] = micros
      if (micros > sums[at + SUM.worst]!) sums[at + SUM.worst] = micros
      if (time < sums[at + SUM.firstMs]!) sums[at + SUM.firstMs] = time
      const lastMs = sums[at + SUM.lastMs]!
      if (time > lastMs || (time === lastMs && micros > sums[at + SUM.last]!)) {
        sums[at + SUM.lastMs] = time
        sums[at + SUM.last] = micros
      }
    }
    if (columns.hasTraces) this.#foldTraces(columns, from, to)
  }

  /** Folds connection event `index` of a batch. */
  foldConnection(columns: EventColumns, flows: FlowTable, index: number): void {
    this.#use(columns.dictionary, flows)
    this.rollup.addConnections(this.#slot(columns.connectionFlow[index]!), {
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
    if (!this.#isPruned) this.top.prune()
    this.#isPruned = true
    if (flows === undefined || this.#touchedCount === 0) return
    const sums = this.#sums
    for (let i = 0; i < this.#touchedCount; i++) {
      const f = this.#touched[i]!
      const at = f * STRIDE
      const { scope, series, destination, topId, topKey } = flows.flow(f)
      this.rollup.addSums(this.#slotOfFlow[f]! - 1, {
        latencySumMicros: sums[at + SUM.latency]!,
        requestBytes: sums[at + SUM.requestBytes]!,
        responseBytes: sums[at + SUM.responseBytes]!,
        firstMs: sums[at + SUM.firstMs]!,
        lastMs: sums[at + SUM.lastMs]!,
      })
      this.top.add(scope, series.direction, destination, topId, topKey, {
        count: sums[at + SUM.count]!,
        failures: sums[at + SUM.failures]!,
        bestMicros: sums[at + SUM.best]!,
        worstMicros: sums[at + SUM.worst]!,
        latencySumMicros: sums[at + SUM.latency]!,
        lastMicros: sums[at + SUM.last]!,
        lastMs: sums[at + SUM.lastMs]!,
      })
      sums[at + SUM.count] = 0
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
      this.#sparseSlots.clear()
    }
    if (dictionary.outcomeCount > this.#outcomeIndex.length) {
      const length = Math.max(16, dictionary.outcomeCount * 2)
      this.#outcomeIndex = copied(this.#outcomeIndex, new Int32Array(length))
      this.#isFailure = copied(this.#isFailure, new Uint8Array(length))
    }
  }

  /** Whether rows go to the rollup by themselves, because they are too few for arrays over all flows. */
  #isSparse(dictionary: Dictionary, rows: number): boolean {
    if (dictionary.flowCount <= this.#slotOfFlow.length) return false
    this.#sparseRows += rows
    if (this.#sparseRows * FLOWS_A_ROW < dictionary.flowCount) return true
    this.#growFlows(dictionary.flowCount)
    this.#sparseSlots.clear()
    return false
  }

  /** Folds one request without the arrays of flows. */
  #foldRequest(columns: EventColumns, flows: FlowTable, index: number): void {
    const { scope, series, destination, topId, topKey } = flows.flow(columns.flow[index]!)
    const slot = this.#slot(columns.flow[index]!)
    const outcome = columns.outcome[index]!
    if (this.#outcomeIndex[outcome] === 0) this.#resolveOutcome(outcome)
    const micros = columns.latencyMicros[index]!
    const timeMs = columns.timeMs[index]!
    this.rollup.addRequest(slot, this.#outcomeIndex[outcome]! - 1, bucketOf(micros), 1)
    this.rollup.addSums(slot, {
      latencySumMicros: micros,
      requestBytes: columns.requestBytes[index]!,
      responseBytes: columns.responseBytes[index]!,
      firstMs: timeMs,
      lastMs: timeMs,
    })
    this.top.add(scope, series.direction, destination, topId, topKey, {
      count: 1,
      failures: this.#isFailure[outcome]!,
      bestMicros: micros,
      worstMicros: micros,
      latencySumMicros: micros,
      lastMicros: micros,
      lastMs: timeMs,
    })
    this.#isPruned = false
    if (!columns.hasTraces) return
    this.rollup.exemplars.offer(slot, micros, timeMs, columns.traceIds, index * TRACE_BYTES)
  }

  /** By itself, so that batches without traces do not ask for each row. */
  #foldTraces({ flow, latencyMicros, timeMs, traceIds }: EventColumns, from: number, to: number): void {
    const { exemplars } = this.rollup
    const slotOfFlow = this.#slotOfFlow
    for (let i = from; i < to; i++) {
      exemplars.offer(slotOfFlow[flow[i]!]! - 1, latencyMicros[i]!, timeMs[i]!, traceIds, i * TRACE_BYTES)
    }
  }

  #slot(flow: number): number {
    if (flow < this.#slotOfFlow.length) {
      if (this.#slotOfFlow[flow] === 0) this.#resolveFlow(flow)
      return this.#slotOfFlow[flow]! - 1
    }
    let slot = this.#sparseSlots.get(flow)
    if (slot === undefined) this.#sparseSlots.set(flow, (slot = this.#seriesSlot(flow)))
    return slot
  }

  #growFlows(flows: number): void {
    const length = flows * 2
    this.#slotOfFlow = copied(this.#slotOfFlow, new Int32Array(length))
    this.#sums = copied(this.#sums, new Float64Array(length * STRIDE))
  }

  #resolveFlow(flow: number): void {
    this.#slotOfFlow[flow] = this.#seriesSlot(flow) + 1
  }

  /** The slot of a flow's series, which hears of the flow's identities. */
  #seriesSlot(flow: number): number {
    const { series, client, server } = this.#flows!.flow(flow)
    const slot = this.rollup.slot(series)
    this.rollup.identities.offer(slot, CLIENT, client)
    this.rollup.identities.offer(slot, SERVER, server)
    return slot
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
    const sums = this.#sums
    const at = flow * STRIDE
    sums.fill(0, at, at + STRIDE)
    sums[at + SUM.best] = micros
    sums[at + SUM.worst] = micros
    sums[at + SUM.last] = micros
    sums[at + SUM.firstMs] = timeMs
    sums[at + SUM.lastMs] = timeMs
  }
}

function copied<A extends Int32Array | Float64Array | Uint8Array>(from: A, to: A): A {
  to.set(from)
  return to
}
