import { TraceFlags } from '@opentelemetry/api'
import {
  BatchSpanProcessor,
  type ReadableSpan,
  type SpanExporter,
  type SpanProcessor,
} from '@opentelemetry/sdk-trace'

/** Spans that wait to be sent, those under way included. Of about 1 KiB each. */
export const MAX_WAITING_SPANS = 2048

const BATCH_SPANS = 512
const SEND_EVERY_MS = 1000

/** Counts since the start, but for `waiting`, which is as of now. */
export interface SpanCounts {
  readonly sent: number
  /** Not taken by the collector, or not in time. */
  readonly failed: number
  /** Beyond what may wait. */
  readonly dropped: number
  readonly waiting: number
}

export interface SpanQueueOptions {
  readonly exporter: SpanExporter
  readonly onFailure: (message: string) => void
}

/** Sends spans in batches, and keeps a bounded number of them meanwhile: what is over is dropped, and counted. */
export class SpanQueue implements SpanProcessor {
  readonly #batches: BatchSpanProcessor
  #waiting = 0
  #sent = 0
  #failed = 0
  #dropped = 0

  constructor({ exporter, onFailure }: SpanQueueOptions) {
    this.#batches = new BatchSpanProcessor({
      // Counted here, where it can be seen.
      maxQueueSize: MAX_WAITING_SPANS + BATCH_SPANS,
      maxExportBatchSize: BATCH_SPANS,
      scheduledDelayMillis: SEND_EVERY_MS,
      exporter: {
        export: (spans, done) =>
          exporter.export(spans, (result) => {
            this.#waiting -= spans.length
            // `ExportResultCode.SUCCESS`.
            if ((result.code as number) === 0) this.#sent += spans.length
            else {
              this.#failed += spans.length
              onFailure(
                `spans could not be sent: ${result.error?.message ?? 'the collector did not take them'}`,
              )
            }
            done(result)
          }),
        shutdown: () => exporter.shutdown(),
      },
    })
  }

  get counts(): SpanCounts {
    return { sent: this.#sent, failed: this.#failed, dropped: this.#dropped, waiting: this.#waiting }
  }

  onStart(): void {}

  onEnd(span: ReadableSpan): void {
    if ((span.spanContext().traceFlags & TraceFlags.SAMPLED) === 0) return
    if (this.#waiting >= MAX_WAITING_SPANS) {
      this.#dropped++
      return
    }
    this.#waiting++
    this.#batches.onEnd(span)
  }

  forceFlush(): Promise<void> {
    return this.#batches.forceFlush()
  }

  shutdown(): Promise<void> {
    return this.#batches.shutdown()
  }
}
