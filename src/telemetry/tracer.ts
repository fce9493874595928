export type SpanKind = 'server' | 'producer' | 'consumer' | 'internal'

export type Attributes = Readonly<Record<string, string | number | boolean>>

export interface SpanOptions {
  readonly kind: SpanKind
  readonly attributes?: Attributes
  /** The `traceparent` of what the span continues. Without one it continues the active span, or begins a trace. */
  readonly parent?: string | undefined
  /** The `traceparent`s of other spans that brought it about. */
  readonly links?: readonly string[]
}

/** What ids say of a span in a line of the log: names that OpenTelemetry gives them there. */
export interface SpanIds {
  readonly trace_id: string
  readonly span_id: string
}

/** Something that is being done. */
export interface Span {
  readonly ids: SpanIds
  /** What others continue it by, in a header of theirs; undefined where it is not sampled. */
  readonly traceparent: string | undefined
  set(attributes: Attributes): void
  fail(reason: string): void
  /** Idempotent. */
  end(): void
  /** Runs `work` with the span active, in all that it awaits too. */
  run<T>(work: () => T): T
}

/** Makes spans. Where nothing is traced there is none, rather than one that does nothing. */
export interface Tracer {
  begin(name: string, options: SpanOptions): Span
  /** The span that is active here and has not ended. */
  readonly active: Span | undefined
}

/** Does `work` in a span, which fails as it does. */
export async function inSpan<T>(
  tracer: Tracer,
  name: string,
  options: SpanOptions,
  work: (span: Span) => Promise<T>,
): Promise<T> {
  const span = tracer.begin(name, options)
  try {
    return await span.run(() => work(span))
  } catch (error) {
    span.fail(error instanceof Error ? error.message : String(error))
    throw error
  } finally {
    span.end()
  }
}
