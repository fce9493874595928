/** Content types of log records and of bodies, in the form that meshtap writes them. */
export const CONTENT_TYPES = {
  eventBatch: 'application/x-protobuf; proto=meshtap.v1.EventBatch',
  json: 'application/json',
  ndjson: 'application/x-ndjson',
  otlpTraces:
    'application/x-protobuf; proto=opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest',
  envoyAccessLogs: 'application/x-protobuf; proto=envoy.service.accesslog.v3.StreamAccessLogsMessage',
} as const

export type Codec = keyof typeof CONTENT_TYPES

/** By content type in its shortest lower-case form. */
const CODECS: ReadonlyMap<string, Codec> = new Map(
  (Object.keys(CONTENT_TYPES) as Codec[]).map((codec) => [shortForm(CONTENT_TYPES[codec]), codec]),
)

/**
 * Which codec a content type names, undefined where it is none of meshtap's; none at all is JSON. Case, spaces, quotes and
 * other parameters than `proto` do not matter.
 */
export function codecOf(contentType: string | undefined): Codec | undefined {
  return contentType === undefined ? 'json' : CODECS.get(shortForm(contentType))
}

function shortForm(contentType: string): string {
  const lower = contentType.toLowerCase()
  const semicolon = lower.indexOf(';')
  if (semicolon < 0) return lower.trim()
  const type = lower.slice(0, semicolon).trim()
  if (type !== 'application/x-protobuf') return type
  const proto = /;\s*proto\s*=\s*(?:"([^"]*)"|([^;]*))/.exec(lower)
  return `${type};${(proto?.[1] ?? proto?.[2] ?? '').trim()}`
}
