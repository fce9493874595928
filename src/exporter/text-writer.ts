import { TRACE_BYTES } from '../event/event-columns.ts'
import type { ExemplarColumns } from '../rollup/exemplars.ts'
import type { BucketCounts } from '../telemetry/own-samples.ts'
import { ByteBuffer } from './byte-buffer.ts'
import { boundOf, CLASSIC_OF } from './classic-buckets.ts'
import { type Family, LATENCY_BOUNDS } from './families.ts'
import type { LabelEncoder } from './label-pieces.ts'
import { LatencyCells, type MergedScope } from './merged-scope.ts'
import type { Chunk, Labels, SampleWriter } from './sample-writer.ts'

/** Larger than a chunk, so that most chunks are made once. */
const CAPACITY = 80 * 1024

const COMMA = 0x2c
const EQUALS = 0x3d
const QUOTE = 0x22
const NEWLINE = 0x0a
const VALUE = Buffer.from('} ')

const ESCAPED = /["\\\n]/
const NOT_ASCII = /[\u0080-\uffff]/

/** With a comma before it, that of the first label is left out where labels are written. */
const pair: LabelEncoder['pair'] = (name, value) => {
  if (value === '') return ''
  let text = value
  if (ESCAPED.test(text)) {
    text = text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
  }
  if (NOT_ASCII.test(text)) text = Buffer.from(text).toString('latin1')
  return `,${name}="${text}"`
}

const plainPair: LabelEncoder['plainPair'] = (into, name, value, start, end) => {
  into.byte(COMMA)
  into.copyShort(name)
  into.byte(EQUALS)
  into.byte(QUOTE)
  into.copyRange(value, start, end)
  into.byte(QUOTE)
}

/** What the two text formats differ in. */
export interface TextDialect {
  readonly contentType: string
  /** Whether counters are called without `_total`, have a start, and the exposition an end. */
  readonly isOpenMetrics: boolean
}

export const PROMETHEUS_TEXT: TextDialect = {
  contentType: 'text/plain; version=0.0.4; charset=utf-8',
  isOpenMetrics: false,
}

export const OPENMETRICS_TEXT: TextDialect = {
  contentType: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
  isOpenMetrics: true,
}

/**
 * Prometheus' text format 0.0.4, and OpenMetrics 1.0.
 *
 * The hot path: what the lines of a histogram have in common is put together once and copied a line, the rest are a
 * bound and digits.
 */
export class TextWriter implements SampleWriter {
  readonly contentType: string
  readonly pair = pair
  readonly plainPair = plainPair
  readonly cellOf = CLASSIC_OF
  readonly repeatsFamilies = false
  readonly #isOpenMetrics: boolean
  readonly #out = new ByteBuffer(CAPACITY)
  readonly #cells = new LatencyCells()
  /** From the value of `le` to the space before the sample's. */
  readonly #bounds: readonly Buffer[]
  #name = Buffer.alloc(0)
  #created = Buffer.alloc(0)
  #bucket = Buffer.alloc(0)
  #sum = Buffer.alloc(0)
  #count = Buffer.alloc(0)

  constructor({ contentType, isOpenMetrics }: TextDialect) {
    this.contentType = contentType
    this.#isOpenMetrics = isOpenMetrics
    const bounds = LATENCY_BOUNDS.map((bound) => (isOpenMetrics ? `${bound}.0` : String(bound)))
    this.#bounds = [...bounds, '+Inf'].map((bound) => Buffer.from(`,le="${bound}"} `))
  }

  get length(): number {
    return this.#out.length
  }

  get showsExemplars(): boolean {
    return this.#isOpenMetrics
  }

  begin({ name, type, help }: Family): void {
    const base = type === 'counter' ? name.replace(/_total$/, '') : name
    const called = this.#isOpenMetrics ? base : name
    this.#out.text(`# HELP ${called} ${help}\n# TYPE ${called} ${type}\n`)
    this.#name = Buffer.from(`${name}{`)
    this.#created = Buffer.from(`${base}_created{`)
    this.#bucket = Buffer.from(`${name}_bucket{`)
    this.#sum = Buffer.from(`${name}_sum{`)
    this.#count = Buffer.from(`${name}_count{`)
  }

  counter(labels: Labels, value: number, startMs: number): void {
    this.gauge(labels, value)
    if (this.#isOpenMetrics && startMs > 0) this.#started(labels, startMs)
  }

  gauge(labels: Labels, value: number): void {
    this.#head(this.#name, labels)
    this.#out.decimal(value)
    this.#out.byte(NEWLINE)
  }

  histogram(labels: Labels, scope: MergedScope, row: number): void {
    const { index, count, size } = this.#read(scope, row)
    const { exemplars } = scope
    const exemplar = this.#isOpenMetrics && exemplars !== undefined ? exemplars.at[row]! : -1
    const exemplarBound = exemplar < 0 ? -1 : boundOf(exemplars!.latencyMicros[exemplar]!)
    const out = this.#out
    const start = out.length
    out.copyShort(this.#bucket)
    copyLabels(out, labels)
    const common = out.length - start
    let cell = 0
    let cumulative = 0
    for (let bound = 0; bound < this.#bounds.length; bound++) {
      if (cell < size && index[cell] === bound) cumulative += count[cell++]!
      if (bound > 0) out.repeat(start, common)
      out.copyShort(this.#bounds[bound]!)
      out.decimal(cumulative)
      if (bound === exemplarBound) this.#exemplar(exemplars!, exemplar)
      out.byte(NEWLINE)
    }
    this.#head(this.#sum, labels)
    out.thousandths(scope.latencySumMicros[row]!)
    out.byte(NEWLINE)
    this.#head(this.#count, labels)
    out.decimal(cumulative)
    out.byte(NEWLINE)
    if (this.#isOpenMetrics && scope.firstMs[row]! > 0) this.#started(labels, scope.firstMs[row]!)
  }

  buckets(labels: Labels, { bounds, cumulative, sum }: BucketCounts): void {
    const out = this.#out
    const hasLabels = labels.end > labels.start || labels.extra.length > 0
    for (let i = 0; i < cumulative.length; i++) {
      out.copyShort(this.#bucket)
      copyLabels(out, labels)
      out.text(`${hasLabels ? ',' : ''}le="${this.#boundText(bounds[i])}"} ${cumulative[i]!}\n`)
    }
    this.#head(this.#sum, labels)
    out.decimal(sum)
    out.byte(NEWLINE)
    this.#head(this.#count, labels)
    out.decimal(cumulative.at(-1)!)
    out.byte(NEWLINE)
  }

  finish(): void {
    if (this.#isOpenMetrics) this.#out.text('# EOF\n')
  }

  take(): Chunk {
    return this.#out.take(CAPACITY)
  }

  reuse(chunk: Chunk): void {
    this.#out.reuse(chunk)
  }

  #boundText(bound: number | undefined): string {
    if (bound === undefined) return '+Inf'
    return this.#isOpenMetrics && Number.isInteger(bound) ? `${bound}.0` : String(bound)
  }

  #read(scope: MergedScope, row: number): LatencyCells {
    this.#cells.read(scope, row)
    return this.#cells
  }

  #exemplar({ traceIds, latencyMicros, timeMs }: ExemplarColumns, at: number): void {
    const out = this.#out
    out.binary(' # {trace_id="')
    out.hex(traceIds, at * TRACE_BYTES, (at + 1) * TRACE_BYTES)
    out.binary('"} ')
    out.thousandths(latencyMicros[at]!)
    out.binary(' ')
    out.thousandths(timeMs[at]!)
  }

  #started(labels: Labels, startMs: number): void {
    this.#head(this.#created, labels)
    this.#out.thousandths(startMs)
    this.#out.byte(NEWLINE)
  }

  #head(name: Buffer, labels: Labels): void {
    const out = this.#out
    out.copyShort(name)
    copyLabels(out, labels)
    out.copyShort(VALUE)
  }
}

function copyLabels(into: ByteBuffer, { bytes, start, end, extra }: Labels): void {
  if (end > start) {
    into.copy(bytes, start + (bytes[start] === COMMA ? 1 : 0), end)
    into.copyShort(extra)
  } else if (extra.length > 0) {
    into.copy(extra, 1)
  }
}
