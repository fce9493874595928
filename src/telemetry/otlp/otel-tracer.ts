import {
  type Context,
  context,
  createContextKey,
  type Link,
  ROOT_CONTEXT,
  type Span as ApiSpan,
  type SpanContext,
  SpanKind as ApiKind,
  SpanStatusCode,
  trace,
  TraceFlags,
  type Tracer as ApiTracer,
} from '@opentelemetry/api'
import { formatTraceparent, parseTraceparent } from '../traceparent.ts'
import type { Attributes, Span, SpanIds, SpanKind, SpanOptions, Tracer } from '../tracer.ts'

const KINDS: Readonly<Record<SpanKind, ApiKind>> = {
  server: ApiKind.SERVER,
  producer: ApiKind.PRODUCER,
  consumer: ApiKind.CONSUMER,
  internal: ApiKind.INTERNAL,
}

const ACTIVE = createContextKey('meshtap span')

/** A tracer over OpenTelemetry's. */
export class OtelTracer implements Tracer {
  readonly #tracer: ApiTracer

  constructor(tracer: ApiTracer) {
    this.#tracer = tracer
  }

  get active(): OtelSpan | undefined {
    const span = context.active().getValue(ACTIVE) as OtelSpan | undefined
    // A timer that was set within a span outlives it.
    return span?.hasEnded === true ? undefined : span
  }

  begin(name: string, { kind, attributes = {}, parent, links = [] }: SpanOptions): Span {
    const above = this.#above(parent)
    const options = { kind: KINDS[kind], attributes, links: links.flatMap(linkTo) }
    return new OtelSpan(this.#tracer.startSpan(name, options, above), above)
  }

  #above(parent: string | undefined): Context {
    const remote = parent === undefined ? undefined : spanContextOf(parent)
    if (remote !== undefined) return trace.setSpanContext(ROOT_CONTEXT, remote)
    return this.active === undefined ? ROOT_CONTEXT : context.active()
  }
}

class OtelSpan implements Span {
  readonly #span: ApiSpan
  readonly #context: Context
  #hasEnded = false

  constructor(span: ApiSpan, above: Context) {
    this.#span = span
    this.#context = trace.setSpan(above, span).setValue(ACTIVE, this)
  }

  get hasEnded(): boolean {
    return this.#hasEnded
  }

  get ids(): SpanIds {
    const { traceId, spanId } = this.#span.spanContext()
    return { trace_id: traceId, span_id: spanId }
  }

  get traceparent(): string | undefined {
    const { traceId, spanId, traceFlags } = this.#span.spanContext()
    if ((traceFlags & TraceFlags.SAMPLED) === 0) return undefined
    return formatTraceparent({ traceId, spanId, isSampled: true })
  }

  set(attributes: Attributes): void {
    this.#span.setAttributes(attributes)
  }

  fail(message: string): void {
    this.#span.setStatus({ code: SpanStatusCode.ERROR, message })
  }

  end(): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#span.end()
  }

  run<T>(work: () => T): T {
    return context.with(this.#context, work)
  }
}

function spanContextOf(traceparent: string): SpanContext | undefined {
  const found = parseTraceparent(traceparent)
  if (found === undefined) return undefined
  const { traceId, spanId, isSampled } = found
  return { traceId, spanId, traceFlags: isSampled ? TraceFlags.SAMPLED : TraceFlags.NONE, isRemote: true }
}

function linkTo(traceparent: string): Link[] {
  const found = spanContextOf(traceparent)
  return found === undefined ? [] : [{ context: found }]
}
