import { DecodeError } from '../event/decode-error.ts'
import type { EventColumns } from '../event/event-columns.ts'
import { decodeJson } from '../event/json-decoder.ts'
import { MAX_LATENCY_MICROS, MAX_RECORD_EVENTS, MAX_STATUS, MAX_TIME_MS } from '../event/limits.ts'
import { parseRfc3339 } from '../event/rfc3339.ts'
import type { LogLine } from './log-line.ts'
import { type Condition, holds, namesOf, type Rule, type Scalar, valueOf } from './rule.ts'

/** Units of times and latencies, in microseconds. */
export const MICROS = { s: 1_000_000, ms: 1000, us: 1, ns: 0.001 } as const

export type Unit = keyof typeof MICROS

/** What an event of a line is made of; names are those of an event in JSON. */
export interface EventTemplate {
  readonly kind: 'request' | 'connection'
  readonly when?: Condition
  readonly time: Rule
  /** Of a number; a text is RFC 3339. */
  readonly timeUnit: Unit
  /** The time is that of the beginning: the latency is added. */
  readonly isTimeOfBeginning: boolean
  readonly latency?: Rule
  readonly latencyUnit: Unit
  /** Texts by the name of the event's field: `method`, `direction`. */
  readonly texts: ReadonlyMap<string, Rule>
  /** Whole numbers from 0 up: `status`, `requestBytes`. */
  readonly numbers: ReadonlyMap<string, Rule>
  readonly reset?: Condition
  readonly tls?: Condition
  /** By field of the endpoint. */
  readonly source: ReadonlyMap<string, Rule>
  readonly destination: ReadonlyMap<string, Rule>
}

/** How the lines of an access log become events. */
export interface Mapping {
  readonly name: string
  readonly events: readonly EventTemplate[]
}

type JsonObject = Record<string, unknown>

const decoder = new TextDecoder('utf-8', { fatal: false })
const encoder = new TextEncoder()

/** Decodes a record of lines into columns. Throws a DecodeError that names the line and the field. */
export function decodeLines(mapping: Mapping, bytes: Uint8Array, columns: EventColumns): void {
  const events: unknown[] = []
  /** Of each event. */
  const lines: number[] = []
  for (const [index, line] of decoder.decode(bytes).split('\n').entries()) {
    if (line.trim() === '') continue
    for (const event of eventsOfLine(mapping, line, index + 1)) {
      events.push(event)
      lines.push(index + 1)
    }
    if (events.length > MAX_RECORD_EVENTS)
      throw new DecodeError(
        'too-many',
        `line ${index + 1}`,
        `a record has at most ${MAX_RECORD_EVENTS} events`,
      )
  }
  try {
    // The decoder of JSON events is what knows all their limits.
    decodeJson(encoder.encode(JSON.stringify(events)), columns)
  } catch (error) {
    throw error instanceof DecodeError ? ofLine(error, lines) : error
  }
}

/** The fault of an event, `[2].source.port`, as one of its line. */
function ofLine(error: DecodeError, lines: readonly number[]): DecodeError {
  const { reason, at, message } = error.fault
  const [, index, field] = /^\[(\d+)\]\.?(.*)$/.exec(at) ?? []
  const line = index === undefined ? undefined : lines[Number(index)]
  if (line === undefined) return error
  return new DecodeError(reason, `line ${line}${field === '' ? '' : `, ${field}`}`, message)
}

/**
 * The events of a line, as JSON has them; none where no template is for it. What stands before its object is passed over, as
 * senders of logs put a time or a tag there. Throws a DecodeError.
 */
export function eventsOfLine(mapping: Mapping, text: string, number: number): JsonObject[] {
  const at = `line ${number}`
  let line: unknown
  try {
    line = JSON.parse(text.slice(Math.max(0, text.indexOf('{'))))
  } catch (error) {
    throw new DecodeError('json-syntax', at, `is no JSON object: ${(error as Error).message}`)
  }
  if (typeof line !== 'object' || line === null || Array.isArray(line))
    throw new DecodeError('json-syntax', at, 'is no JSON object')
  return mapping.events.flatMap((template) =>
    template.when === undefined || holds(template.when, line as LogLine)
      ? [eventOf(template, line as LogLine, at)]
      : [],
  )
}

function eventOf(template: EventTemplate, line: LogLine, at: string): JsonObject {
  const event: JsonObject = template.kind === 'request' ? {} : { kind: 'connection' }
  const latencyMicros =
    template.latency === undefined ? undefined : latencyOf(template, template.latency, line, at)
  event['time'] = timeOf(template, line, latencyMicros ?? 0, at)
  if (template.kind === 'request') event['latencyMicros'] = latencyMicros
  for (const [name, rule] of template.texts) {
    const value = valueOf(rule, line)
    if (value !== undefined) event[name] = String(value)
  }
  for (const [name, rule] of template.numbers) {
    const value = wholeOf(name, rule, line, at)
    if (value !== undefined && !(name === 'status' && !isStatus(value))) event[name] = value
  }
  if (template.reset !== undefined && holds(template.reset, line)) event['reset'] = true
  if (template.tls !== undefined) event['tls'] = holds(template.tls, line)
  for (const end of ['source', 'destination'] as const) {
    const endpoint = endpointOf(template[end], line, at)
    if (endpoint !== undefined) event[end] = endpoint
  }
  event['destination'] ??= {}
  return event
}

/** Proxies write 0, 000 or -1 where they never had a response. */
function isStatus(value: number): boolean {
  return value >= 100 && value <= MAX_STATUS
}

function latencyOf({ latencyUnit }: EventTemplate, rule: Rule, line: LogLine, at: string): number {
  const value = valueOf(rule, line)
  const micros = Math.round(numberOf(value) * MICROS[latencyUnit])
  if (micros >= 0 && micros <= MAX_LATENCY_MICROS) return micros
  throw bad(at, rule, value, `a latency in ${latencyUnit}`)
}

/** A number, or a text that is one in decimal; else none. */
function numberOf(value: Scalar | undefined): number {
  if (typeof value === 'number') return value
  const isOne = typeof value === 'string' && /^[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(value)
  return isOne ? Number(value) : Number.NaN
}

/** Epoch milliseconds. */
function timeOf(template: EventTemplate, line: LogLine, latencyMicros: number, at: string): number {
  const { time: rule, timeUnit, isTimeOfBeginning } = template
  const value = valueOf(rule, line)
  const isNumber = typeof value === 'number' || (typeof value === 'string' && /^\d+(\.\d+)?$/.test(value))
  const ms = isNumber ? (Number(value) * MICROS[timeUnit]) / 1000 : rfc3339(value)
  const ended = Math.floor(ms + (isTimeOfBeginning ? latencyMicros / 1000 : 0))
  if (ended >= 0 && ended <= MAX_TIME_MS) return ended
  throw bad(at, rule, value, `a time: a number of ${timeUnit} since 1970, or RFC 3339 with its zone`)
}

/** Offsets without a colon are of ISO 8601, as some proxies write times. */
function rfc3339(value: Scalar | undefined): number {
  if (typeof value !== 'string') return Number.NaN
  const bytes = encoder.encode(value.replace(/([+-]\d\d)(\d\d)$/, '$1:$2'))
  return parseRfc3339(bytes, 0, bytes.length)
}

function wholeOf(name: string, rule: Rule, line: LogLine, at: string): number | undefined {
  const value = valueOf(rule, line)
  if (value === undefined) return undefined
  const number = numberOf(value)
  if (name === 'status' && number < 0) return undefined
  if (Number.isSafeInteger(number) && number >= 0) return number
  throw bad(at, rule, value, 'a whole number')
}

function endpointOf(
  rules: ReadonlyMap<string, Rule>,
  line: LogLine,
  at: string,
): Record<string, unknown> | undefined {
  let endpoint: Record<string, unknown> | undefined
  for (const [name, rule] of rules) {
    const value = name === 'port' ? wholeOf(name, rule, line, at) : valueOf(rule, line)
    if (value === undefined) continue
    endpoint ??= {}
    endpoint[name] = name === 'port' ? value : String(value)
  }
  return endpoint
}

function bad(at: string, rule: Rule, value: Scalar | undefined, what: string): DecodeError {
  const found = value === undefined ? 'has no value' : `${JSON.stringify(value).slice(0, 100)} is not`
  return new DecodeError(
    'field-value',
    `${at}, ${namesOf(rule)}`,
    value === undefined ? `${found}; it must be ${what}` : `${found} ${what}`,
  )
}
