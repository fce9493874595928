import { MAX_COUNT, MAX_LATENCY_MICROS, MAX_OPEN, MAX_PORT, MAX_STATUS } from './limits.ts'

/** What a field of an event holds. */
export type JsonRule =
  | { readonly kind: 'text' }
  /** A whole number from 0 to `max`; `what` is how errors put it. */
  | { readonly kind: 'whole'; readonly max: number; readonly what: string }
  | { readonly kind: 'flag' }
  | { readonly kind: 'endpoint' }
  | { readonly kind: 'headers' }
  | { readonly kind: 'time' }
  | { readonly kind: 'word'; readonly words: readonly [string, string] }
  | { readonly kind: 'trace' }

const TEXT = { kind: 'text' } as const
const STATUS = { kind: 'whole', max: MAX_STATUS, what: `a whole number from 0 to ${MAX_STATUS}` } as const
const MICROS = { kind: 'whole', max: MAX_LATENCY_MICROS, what: 'a whole number of microseconds' } as const
const BYTES = { kind: 'whole', max: MAX_COUNT, what: 'a whole number of bytes' } as const
const CONNECTIONS = { kind: 'whole', max: MAX_COUNT, what: 'a whole number of connections' } as const

const EVENT_RULES = {
  time: { kind: 'time' },
  cluster: TEXT,
  kind: { kind: 'word', words: ['request', 'connection'] },
  direction: { kind: 'word', words: ['inbound', 'outbound'] },
  proxy: TEXT,
  source: { kind: 'endpoint' },
  destination: { kind: 'endpoint' },
  method: TEXT,
  scheme: TEXT,
  authority: TEXT,
  path: TEXT,
  route: TEXT,
  status: STATUS,
  grpcStatus: STATUS,
  reset: { kind: 'flag' },
  reason: TEXT,
  latencyMicros: MICROS,
  requestBytes: BYTES,
  responseBytes: BYTES,
  tls: { kind: 'flag' },
  traceId: { kind: 'trace' },
  requestHeaders: { kind: 'headers' },
  responseHeaders: { kind: 'headers' },
  open: { ...CONNECTIONS, max: MAX_OPEN },
  opened: CONNECTIONS,
  closed: CONNECTIONS,
  readBytes: BYTES,
  writtenBytes: BYTES,
} as const satisfies Readonly<Record<string, JsonRule>>

export type JsonFieldName = keyof typeof EVENT_RULES

/** The fields of an event; a field's number is its place. */
export const EVENT_FIELDS = Object.keys(EVENT_RULES) as readonly JsonFieldName[]
export const EVENT_RULE_OF: readonly JsonRule[] = Object.values(EVENT_RULES)

/** The number of each field of an event. */
export const FIELD = Object.fromEntries(EVENT_FIELDS.map((name, number) => [name, number])) as Readonly<
  Record<JsonFieldName, number>
>

/** The fields of an endpoint, in the order of `Dictionary.endpoint`'s arguments. All but `port` are texts. */
export const ENDPOINT_FIELDS = [
  'cluster',
  'namespace',
  'kind',
  'name',
  'pod',
  'service',
  'ip',
  'port',
  'identity',
] as const
export const ENDPOINT_KIND = ENDPOINT_FIELDS.indexOf('kind')
export const ENDPOINT_PORT = ENDPOINT_FIELDS.indexOf('port')

export const PORT_RULE = {
  kind: 'whole',
  max: MAX_PORT,
  what: `a whole number from 0 to ${MAX_PORT}`,
} as const
