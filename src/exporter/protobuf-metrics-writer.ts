import { TRACE_BYTES } from '../event/event-columns.ts'
import { HISTOGRAM_BUCKETS, HISTOGRAM_INDEX_OFFSET } from '../rollup/histogram.ts'
import type { BucketCounts } from '../telemetry/own-samples.ts'
import { ByteBuffer } from './byte-buffer.ts'
import { boundOf, CLASSIC_OF } from './classic-buckets.ts'
import { type Family, LATENCY_BOUNDS } from './families.ts'
import type { LabelEncoder } from './label-pieces.ts'
import { LatencyCells, type MergedExemplars, type MergedScope } from './merged-scope.ts'
import type { Chunk, Labels, SampleWriter } from './sample-writer.ts'

const CAPACITY = 80 * 1024
/** Bytes of metrics after which a family's message is ended, and another of the same family begun. */
const MESSAGE_BYTES = 32 * 1024

const TYPES = { counter: 0, gauge: 1, histogram: 4 } as const
/** 32 buckets a doubling. */
const SCHEMA = 5
/** As large as client_golang's; what is smaller counts as zero, and of a sketch only zeros are. */
const ZERO_THRESHOLD = 2 ** -128
/** Empty buckets that cost less than a new span. */
const BRIDGED = 2

const SHORT_BYTES = 256

/** The upper bounds of classic buckets as field 2 of a bucket. */
const BOUNDS = [...LATENCY_BOUNDS, Number.POSITIVE_INFINITY].map((bound) => {
  const field = Buffer.alloc(9)
  field.writeUInt8((2 << 3) | 1)
  field.writeDoubleLE(bound, 1)
  return field
})

const LENGTH_DELIMITED = 2
const FIXED64 = 1
const VARINT = 0

const pair: LabelEncoder['pair'] = (name, value) => {
  if (value === '') return ''
  const bytes = Buffer.from(value).toString('latin1')
  const label = `\u000a${lengthOf(name)}${name}\u0012${lengthOf(bytes)}${bytes}`
  return `\u000a${lengthOf(label)}${label}`
}

const plainPair: LabelEncoder['plainPair'] = (into, name, value, start, end) => {
  const length = end - start
  into.byte(0x0a)
  into.varint(2 + name.length + 1 + (length > 127 ? 2 : 1) + length)
  into.byte(0x0a)
  into.byte(name.length)
  into.copyShort(name)
  into.byte(0x12)
  into.varint(length)
  into.copyRange(value, start, end)
}

/** The label `trace_id` of an exemplar, as far as its value of 32 characters. */
const TRACE_LABEL = Buffer.from('\u000a\u002c\u000a\u0008trace_id\u0012\u0020', 'latin1')

/** A length as protobuf's varint. */
function lengthOf(text: string): string {
  let rest = text.length
  let varint = ''
  for (; rest > 127; rest >>>= 7) varint += String.fromCharCode((rest & 127) | 128)
  return varint + String.fromCharCode(rest)
}

/**
 * `io.prometheus.client.MetricFamily` messages, each after its length, with native histograms beside classic buckets.
 *
 * A family of many series is several messages of the same name, as its length stands before it: so memory does not grow
 * with it.
 */
export class ProtobufMetricsWriter implements SampleWriter {
  readonly contentType =
    'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited'
  readonly pair = pair
  readonly plainPair = plainPair
  readonly cellOf = Uint16Array.from({ length: HISTOGRAM_BUCKETS }, (_, bucket) => bucket)
  readonly showsExemplars = true
  readonly repeatsFamilies = true
  readonly #out = new ByteBuffer(CAPACITY)
  readonly #family = new ByteBuffer(512)
  readonly #metrics = new ByteBuffer(2 * MESSAGE_BYTES)
  readonly #metric = new ByteBuffer(8192)
  readonly #value = new ByteBuffer(4096)
  readonly #part = new ByteBuffer(1024)
  readonly #spans = new ByteBuffer(512)
  readonly #deltas = new ByteBuffer(1024)
  readonly #exemplar = new ByteBuffer(128)
  readonly #time = new ByteBuffer(16)
  readonly #cells = new LatencyCells()
  readonly #classic = new Float64Array(LATENCY_BOUNDS.length + 1)

  get length(): number {
    return this.#out.length
  }

  begin({ name, type, help }: Family): void {
    this.#endMessage()
    this.#family.length = 0
    writeText(this.#family, 1, name)
    writeText(this.#family, 2, help)
    writeVarint(this.#family, 3, TYPES[type])
  }

  counter(labels: Labels, value: number, startMs: number): void {
    const counter = this.#value
    counter.length = 0
    writeDouble(counter, 1, value)
    this.#start(counter, 3, startMs)
    this.#write(labels, 3)
  }

  gauge(labels: Labels, value: number): void {
    this.#value.length = 0
    writeDouble(this.#value, 1, value)
    this.#write(labels, 2)
  }

  histogram(labels: Labels, scope: MergedScope, row: number): void {
    const histogram = this.#value
    histogram.length = 0
    const zeros = this.#readBuckets(scope, row)
    let count = 0
    for (const inBucket of this.#classic) count += inBucket
    writeVarint(histogram, 1, count)
    writeDouble(histogram, 2, scope.latencySumMicros[row]! / 1000)
    const { exemplars } = scope
    const exemplar = exemplars === undefined ? -1 : exemplars.at[row]!
    const exemplarBound = exemplar < 0 ? -1 : boundOf(exemplars!.latencyMicros[exemplar]!)
    let cumulative = 0
    for (let bound = 0; bound <= LATENCY_BOUNDS.length; bound++) {
      cumulative += this.#classic[bound]!
      if (bound === exemplarBound) this.#exemplarBucket(histogram, bound, cumulative, exemplars!, exemplar)
      else writeBucket(histogram, bound, cumulative)
    }
    writeTag(histogram, 5, VARINT)
    histogram.zigzag(SCHEMA)
    writeDouble(histogram, 6, ZERO_THRESHOLD)
    writeVarint(histogram, 7, zeros)
    histogram.copy(this.#spans.written)
    writeMessage(histogram, 13, this.#deltas)
    this.#start(histogram, 15, scope.firstMs[row]!)
    this.#write(labels, 7)
  }

  buckets(labels: Labels, { bounds, cumulative, sum }: BucketCounts): void {
    const histogram = this.#value
    histogram.length = 0
    writeVarint(histogram, 1, cumulative.at(-1)!)
    writeDouble(histogram, 2, sum)
    for (const [i, count] of cumulative.entries()) {
      const bucket = this.#part
      bucket.length = 0
      writeVarint(bucket, 1, count)
      writeDouble(bucket, 2, bounds[i] ?? Number.POSITIVE_INFINITY)
      writeMessage(histogram, 3, bucket)
    }
    this.#write(labels, 7)
  }

  finish(): void {
    this.#endMessage()
  }

  take(): Chunk {
    return this.#out.take(CAPACITY)
  }

  reuse(chunk: Chunk): void {
    this.#out.reuse(chunk)
  }

  /** Reads a row's cells into classic counts, spans and deltas; answers how many zeros there are. */
  #readBuckets(scope: MergedScope, row: number): number {
    const cells = this.#cells
    cells.read(scope, row)
    const deltas = this.#deltas
    deltas.length = 0
    this.#spans.length = 0
    this.#classic.fill(0)
    let zeros = 0
    let previous = 0
    /** The native index after the last one written; NaN before the first. */
    let next = Number.NaN
    let spanOffset = 0
    let spanLength = 0
    for (let cell = 0; cell < cells.size; cell++) {
      const bucket = cells.index[cell]!
      const count = cells.count[cell]!
      this.#classic[CLASSIC_OF[bucket]!]! += count
      if (bucket === 0) {
        zeros = count
        continue
      }
      const index = bucket - HISTOGRAM_INDEX_OFFSET
      const gap = index - next
      if (gap <= BRIDGED) {
        for (let i = 0; i < gap; i++) {
          deltas.zigzag(-previous)
          previous = 0
        }
        spanLength += gap + 1
      } else {
        if (spanLength > 0) this.#span(spanOffset, spanLength)
        spanOffset = Number.isNaN(gap) ? index : gap
        spanLength = 1
      }
      deltas.zigzag(count - previous)
      previous = count
      next = index + 1
    }
    if (spanLength > 0) this.#span(spanOffset, spanLength)
    return zeros
  }

  #exemplarBucket(
    into: ByteBuffer,
    bound: number,
    cumulative: number,
    exemplars: MergedExemplars,
    exemplar: number,
  ): void {
    const bucket = this.#part
    bucket.length = 0
    writeVarint(bucket, 1, cumulative)
    bucket.copyShort(BOUNDS[bound]!)
    this.#addExemplar(bucket, exemplars, exemplar)
    writeMessage(into, 3, bucket)
  }

  #span(offset: number, length: number): void {
    const span = this.#part
    span.length = 0
    writeTag(span, 1, VARINT)
    span.zigzag(offset)
    writeVarint(span, 2, length)
    writeMessage(this.#spans, 12, span)
  }

  #start(into: ByteBuffer, field: number, startMs: number): void {
    if (!(startMs > 0)) return
    this.#timestamp(into, field, startMs)
  }

  #timestamp(into: ByteBuffer, field: number, timeMs: number): void {
    const timestamp = this.#time
    timestamp.length = 0
    const seconds = Math.floor(timeMs / 1000)
    writeVarint(timestamp, 1, seconds)
    writeVarint(timestamp, 2, Math.round((timeMs - 1000 * seconds) * 1_000_000))
    writeMessage(into, field, timestamp)
  }

  #addExemplar(bucket: ByteBuffer, { traceIds, latencyMicros, timeMs }: MergedExemplars, at: number): void {
    const exemplar = this.#exemplar
    exemplar.length = 0
    exemplar.copyShort(TRACE_LABEL)
    exemplar.hex(traceIds, at * TRACE_BYTES, (at + 1) * TRACE_BYTES)
    writeDouble(exemplar, 2, latencyMicros[at]! / 1000)
    this.#timestamp(exemplar, 3, timeMs[at]!)
    writeMessage(bucket, 3, exemplar)
  }

  /** Writes a metric whose value is field `field`. */
  #write({ bytes, start, end, extra }: Labels, field: number): void {
    const metric = this.#metric
    metric.length = 0
    metric.copy(bytes, start, end)
    metric.copyShort(extra)
    writeMessage(metric, field, this.#value)
    writeMessage(this.#metrics, 4, metric)
    if (this.#metrics.length >= MESSAGE_BYTES) this.#endMessage()
  }

  #endMessage(): void {
    if (this.#metrics.length === 0) return
    this.#out.varint(this.#family.length + this.#metrics.length)
    this.#out.copy(this.#family.written)
    this.#out.copy(this.#metrics.written)
    this.#metrics.length = 0
  }
}

function writeTag(into: ByteBuffer, field: number, wire: number): void {
  into.varint((field << 3) | wire)
}

function writeVarint(into: ByteBuffer, field: number, value: number): void {
  writeTag(into, field, VARINT)
  into.varint(value)
}

function writeDouble(into: ByteBuffer, field: number, value: number): void {
  writeTag(into, field, FIXED64)
  into.double(value)
}

/** A classic bucket straight into a histogram: 26 of each make most of what is written. */
function writeBucket(into: ByteBuffer, bound: number, cumulative: number): void {
  const upper = BOUNDS[bound]!
  writeTag(into, 3, LENGTH_DELIMITED)
  into.varint(1 + varintBytes(cumulative) + upper.length)
  writeVarint(into, 1, cumulative)
  into.copyShort(upper)
}

function varintBytes(value: number): number {
  let bytes = 1
  for (let rest = value; rest > 127; rest = Math.floor(rest / 128)) bytes++
  return bytes
}

function writeMessage(into: ByteBuffer, field: number, message: ByteBuffer): void {
  writeTag(into, field, LENGTH_DELIMITED)
  into.varint(message.length)
  // Of a short one a copy by hand costs less than the object that the other takes.
  if (message.length <= SHORT_BYTES) into.copyRange(message.bytes, 0, message.length)
  else into.copy(message.written)
}

function writeText(into: ByteBuffer, field: number, text: string): void {
  writeTag(into, field, LENGTH_DELIMITED)
  into.varint(Buffer.byteLength(text))
  into.text(text)
}
