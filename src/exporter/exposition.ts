import type { OutcomeKey } from '../rollup/stat-block.ts'
import { type Family, FAMILIES } from './families.ts'
import { LabelCursor } from './label-sets.ts'
import type { MergedConnections, MergedScope } from './merged-scope.ts'
import type { OwnSamples } from '../telemetry/own-samples.ts'
import type { Pace } from './pace.ts'
import { type Chunk, type Labels, NO_LABELS, type SampleWriter } from './sample-writer.ts'

/** Bytes that are handed on together. */
const CHUNK_BYTES = 64 * 1024
/** Rows after which the clock is looked at, though they may have had nothing to write. */
const ROWS_A_STEP = 128

interface RowLabels extends Labels {
  bytes: Buffer
  start: number
  end: number
  extra: Buffer
}

type WriteRow = (labels: RowLabels, scope: MergedScope, row: number) => void

/** Writes families of merged scopes, chunk by chunk, resting between chunks when its slice is over. */
export class Exposition {
  readonly #writer: SampleWriter
  readonly #pace: Pace
  readonly #labels: RowLabels = { bytes: NO_LABELS, start: 0, end: 0, extra: NO_LABELS }

  constructor(writer: SampleWriter, pace: Pace) {
    this.#writer = writer
    this.#pace = pace
  }

  async *small(families: readonly OwnSamples[]): AsyncGenerator<Chunk, void> {
    const writer = this.#writer
    for (const family of families) {
      if (family.samples.length === 0) continue
      writer.begin(family)
      if (family.type === 'histogram') {
        for (const sample of family.samples) writer.buckets(this.#labelsOf(sample), sample)
      } else {
        for (const sample of family.samples) {
          const labels = this.#labelsOf(sample)
          if (family.type === 'counter') writer.counter(labels, sample.value, 0)
          else writer.gauge(labels, sample.value)
        }
      }
      if (writer.length >= CHUNK_BYTES) yield writer.take()
    }
  }

  async *workloads(scopes: readonly MergedScope[]): AsyncGenerator<Chunk, void> {
    yield* this.#requests(scopes, FAMILIES.requests, FAMILIES.responses, FAMILIES.latency)
    yield* this.#connections(scopes)
  }

  async *routes(scopes: readonly MergedScope[]): AsyncGenerator<Chunk, void> {
    yield* this.#requests(scopes, FAMILIES.routeRequests, FAMILIES.routeResponses, FAMILIES.routeLatency)
  }

  async *end(): AsyncGenerator<Chunk, void> {
    this.#writer.finish()
    if (this.#writer.length > 0) yield this.#writer.take()
  }

  async *#requests(
    scopes: readonly MergedScope[],
    requests: Family,
    responses: Family,
    latency: Family,
  ): AsyncGenerator<Chunk, void> {
    const writer = this.#writer
    const requesting = scopes.filter((scope) => scope.outcomes.length > 0)
    yield* this.#family(requests, requesting, (labels, { outcomeStart, outcomeCount, firstMs }, row) => {
      let count = 0
      for (let i = outcomeStart[row]!; i < outcomeStart[row + 1]!; i++) count += outcomeCount[i]!
      if (count > 0) writer.counter(labels, count, firstMs[row]!)
    })
    let outcomes: readonly OutcomeKey[] = []
    let endings: (Buffer | undefined)[] = []
    yield* this.#family(responses, requesting, (labels, scope, row) => {
      if (scope.outcomes !== outcomes) {
        outcomes = scope.outcomes
        endings = []
      }
      for (let i = scope.outcomeStart[row]!; i < scope.outcomeStart[row + 1]!; i++) {
        const outcome = scope.outcomeIndex[i]!
        labels.extra = endings[outcome] ??= this.#ending(outcomes[outcome]!)
        writer.counter(labels, scope.outcomeCount[i]!, scope.firstMs[row]!)
      }
      labels.extra = NO_LABELS
    })
    yield* this.#family(latency, requesting, (labels, scope, row) => {
      if (scope.outcomeStart[row]! < scope.outcomeStart[row + 1]!) writer.histogram(labels, scope, row)
    })
  }

  async *#connections(scopes: readonly MergedScope[]): AsyncGenerator<Chunk, void> {
    const writer = this.#writer
    const connected = scopes.filter(({ connections }) => connections !== undefined)
    const bytes = (name: string, value: string) => Buffer.from(writer.pair(name, value), 'latin1')
    const peers = { inbound: bytes('peer', 'src'), outbound: bytes('peer', 'dst') }
    const inbound = bytes('direction', 'inbound')
    /** Inbound connections are of the source, outbound ones of the destination. */
    const peerOf = ({ bytes, start }: Labels) =>
      bytes.compare(inbound, 0, inbound.length, start, start + inbound.length) === 0
        ? peers.inbound
        : peers.outbound
    const family = (
      of: Family,
      value: (connections: MergedConnections, row: number) => number,
    ): AsyncGenerator<Chunk, void> =>
      this.#family(of, connected, (labels, { connections, firstMs }, row) => {
        if (connections === undefined || connections.isReported[row] === 0) return
        const count = value(connections, row)
        if (Number.isNaN(count)) return
        labels.extra = peerOf(labels)
        if (of.type === 'gauge') writer.gauge(labels, count)
        else writer.counter(labels, count, firstMs[row]!)
        labels.extra = NO_LABELS
      })
    const { openConnections, opened, closed, readBytes, writtenBytes } = FAMILIES
    yield* family(openConnections, ({ open }, row) => open[row]!)
    yield* family(opened, (of, row) => of.opened[row]!)
    yield* family(closed, (of, row) => of.closed[row]!)
    yield* family(readBytes, (of, row) => of.readBytes[row]!)
    yield* family(writtenBytes, (of, row) => of.writtenBytes[row]!)
  }

  /** A family's samples, a step of rows at a time. */
  async *#family(
    family: Family,
    scopes: readonly MergedScope[],
    write: WriteRow,
  ): AsyncGenerator<Chunk, void> {
    const writer = this.#writer
    if (scopes.length > 0) writer.begin(family)
    for (const scope of scopes) {
      const cursor = new LabelCursor(scope.labels)
      for (let row = 0; row < scope.size;) {
        row = this.#step(scope, cursor, row, write)
        if (writer.length >= CHUNK_BYTES) yield writer.take()
        if (this.#pace.isOver) await this.#pace.rest()
      }
    }
  }

  /**
   * Writes rows from `row` on until a chunk is full or a step is over, and answers which is next. Not in the generator, whose
   * code is compiled less well.
   */
  #step(scope: MergedScope, cursor: LabelCursor, row: number, write: WriteRow): number {
    const writer = this.#writer
    const labels = this.#labels
    const end = Math.min(scope.size, row + ROWS_A_STEP)
    let next = row
    while (next < end) {
      cursor.seek(next)
      labels.bytes = cursor.bytes
      labels.end = cursor.length
      write(labels, scope, next++)
      if (writer.length >= CHUNK_BYTES) break
    }
    return next
  }

  #labelsOf({ labels }: { readonly labels: Readonly<Record<string, string>> }): Labels {
    const pairs = Object.entries(labels).map(([name, text]) => this.#writer.pair(name, text))
    return { bytes: NO_LABELS, start: 0, end: 0, extra: Buffer.from(pairs.join(''), 'latin1') }
  }

  #ending({ status, grpcStatus, classification }: OutcomeKey): Buffer {
    const { pair } = this.#writer
    const pairs = [
      pair('status_code', status < 0 ? '' : String(status)),
      pair('grpc_status', grpcStatus < 0 ? '' : String(grpcStatus)),
      pair('classification', classification),
    ]
    return Buffer.from(pairs.join(''), 'latin1')
  }
}
