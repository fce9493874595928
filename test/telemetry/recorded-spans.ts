import { trace } from '@opentelemetry/api'
import { NodeSDK } from '@opentelemetry/sdk-node'
import {
  InMemorySpanExporter,
  ParentBasedSampler,
  type ReadableSpan,
  SimpleSpanProcessor,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace'
import { OtelTracer } from '../../src/telemetry/otlp/otel-tracer.ts'

/** Spans of a tracer as ours is, but that samples no trace of its own. Once a process. */
export class RecordedSpans {
  readonly #exporter = new InMemorySpanExporter()
  readonly #sdk = new NodeSDK({
    autoDetectResources: false,
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(0) }),
    spanProcessors: [new SimpleSpanProcessor({ exporter: this.#exporter })],
    metricReaders: [],
    logRecordProcessors: [],
  })
  readonly tracer: OtelTracer

  constructor() {
    this.#sdk.start()
    this.tracer = new OtelTracer(trace.getTracer('test'))
  }

  /** Those that ended since the last call. */
  take(): readonly ReadableSpan[] {
    const spans = [...this.#exporter.getFinishedSpans()]
    this.#exporter.reset()
    return spans
  }
}
