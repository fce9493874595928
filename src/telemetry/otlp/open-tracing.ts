import { trace } from '@opentelemetry/api'
import {
  envDetector,
  hostDetector,
  resourceFromAttributes,
  serviceInstanceIdDetector,
} from '@opentelemetry/resources'
import { NodeSDK } from '@opentelemetry/sdk-node'
import { ParentBasedSampler, type SpanExporter, TraceIdRatioBasedSampler } from '@opentelemetry/sdk-trace'
import { formatTraceparent, TRACEPARENT } from '../traceparent.ts'
import { OtelTracer } from './otel-tracer.ts'
import { type SpanCounts, SpanQueue } from './span-queue.ts'

/** How long a batch is tried to be sent. */
const SEND_MS = 5_000

/** How long `close` tries to send what waits. */
const FLUSH_MS = 1_500

/**
 * What spans are sent with: it says that sending them is not to be traced, so that those that are sent to meshtap, be it
 * this process or another, bring about no more of them.
 */
const UNTRACED = formatTraceparent({ traceId: 'f'.repeat(32), spanId: 'f'.repeat(16), isSampled: false })

export type OtlpProtocol = 'http/protobuf' | 'grpc'

export interface TracingOptions {
  /** Base URL of a collector. */
  readonly endpoint: string
  readonly protocol: OtlpProtocol
  /** Of the traces that begin here, 0 to 1. One that is continued is sampled where it began. */
  readonly ratio: number
  readonly serviceName: string
  readonly version: string
  readonly onTrouble: (trouble: { readonly kind: string; readonly message: string }) => void
}

export interface OpenTracing {
  readonly tracer: OtelTracer
  readonly counts: SpanCounts
  /** Sends what waits, for at most 1.5 s. Resolves to how many spans were not sent. */
  readonly close: () => Promise<number>
}

/** Starts OpenTelemetry's SDK, once a process. */
export async function openTracing(options: TracingOptions): Promise<OpenTracing> {
  const { ratio, serviceName, version, onTrouble } = options
  const queue = new SpanQueue({
    exporter: await exporterOf(options),
    onFailure: (message) => onTrouble({ kind: 'export', message }),
  })
  const sdk = new NodeSDK({
    resource: resourceFromAttributes({ 'service.name': serviceName, 'service.version': version }),
    // Not what the SDK finds by default: the arguments of a process may have passwords in them.
    resourceDetectors: [serviceInstanceIdDetector, hostDetector, envDetector],
    serviceName,
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(ratio) }),
    spanProcessors: [queue],
    metricReaders: [],
    logRecordProcessors: [],
  })
  sdk.start()
  return {
    tracer: new OtelTracer(trace.getTracer('meshtap', version)),
    get counts() {
      return queue.counts
    },
    close: async () => {
      await within(FLUSH_MS, sdk.shutdown())
      return queue.counts.waiting
    },
  }
}

async function exporterOf({ endpoint, protocol }: TracingOptions): Promise<SpanExporter> {
  const limits = { timeoutMillis: SEND_MS, concurrencyLimit: 4 }
  if (protocol === 'grpc') {
    const [{ OTLPTraceExporter }, { Metadata }] = await Promise.all([
      import('@opentelemetry/exporter-trace-otlp-grpc'),
      import('@grpc/grpc-js'),
    ])
    const metadata = new Metadata()
    metadata.set(TRACEPARENT, UNTRACED)
    return new OTLPTraceExporter({ ...limits, url: endpoint, metadata })
  }
  const { OTLPTraceExporter } = await import('@opentelemetry/exporter-trace-otlp-proto')
  const url = `${endpoint.replace(/\/$/, '')}/v1/traces`
  return new OTLPTraceExporter({ ...limits, url, headers: { [TRACEPARENT]: UNTRACED } })
}

/** Waits for `work`, whatever comes of it, but not longer. */
async function within(ms: number, work: Promise<unknown>): Promise<void> {
  let cut: NodeJS.Timeout | undefined
  const timeIsUp = new Promise<void>((resolve) => (cut = setTimeout(resolve, ms)))
  await Promise.race([work.catch(() => undefined), timeIsUp])
  clearTimeout(cut)
}
