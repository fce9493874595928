import { readYaml } from '../document/read-yaml.ts'
import { type ValuePlace, ValueReader } from '../document/value-reader.ts'
import { type EventTemplate, type Mapping, MICROS, type Unit } from './mapping.ts'
import type { Condition, Rule, Scalar } from './rule.ts'

const TEXTS = [
  'direction',
  'proxy',
  'method',
  'scheme',
  'authority',
  'route',
  'path',
  'reason',
  'traceId',
] as const
const REQUEST_NUMBERS = ['status', 'grpcStatus', 'requestBytes', 'responseBytes'] as const
const CONNECTION_NUMBERS = ['open', 'opened', 'closed', 'readBytes', 'writtenBytes'] as const
const ENDPOINT = ['cluster', 'namespace', 'kind', 'name', 'pod', 'service', 'ip', 'port', 'identity'] as const
const RULE = ['field', 'fields', 'match', 'map', 'value', 'default'] as const
const CONDITION = ['field', 'match', 'in', 'not'] as const

const EVENT = [
  'kind',
  'when',
  'time',
  'latency',
  ...TEXTS,
  ...REQUEST_NUMBERS,
  ...CONNECTION_NUMBERS,
  'reset',
  'tls',
  'source',
  'destination',
] as const

/** Reads a mapping in YAML. Throws a RangeError with all that is wrong, each with its line. */
export function parseMapping(text: string, path: string): Mapping {
  const reader = new ValueReader()
  return readYaml(text, path, reader, (value) => {
    const { events } = reader.fields(value, ['events'], [])
    if (events === undefined) reader.fault([], 'lacks events: a list')
    return {
      name: path,
      events: reader
        .list(events, ['events'])
        .map((event, i) => new TemplateReader(reader, ['events', i]).read(event)),
    }
  })
}

class TemplateReader {
  readonly #reader: ValueReader
  readonly #at: ValuePlace

  constructor(reader: ValueReader, at: ValuePlace) {
    this.#reader = reader
    this.#at = at
  }

  read(value: unknown): EventTemplate {
    const fields = this.#reader.fields(value, EVENT, this.#at)
    const kind = this.#kind(fields['kind'])
    const time = this.#timed(fields['time'], 'time', ['from'])
    const latency = this.#timed(fields['latency'], 'latency', [])
    if (fields['time'] === undefined) this.#fault([], 'lacks time: where the line says when it ended')
    if (fields['direction'] === undefined)
      this.#fault(
        [],
        'lacks direction: { value: inbound } where the destination writes the log, else outbound',
      )
    if (kind === 'request' && fields['latency'] === undefined)
      this.#fault([], 'lacks latency: where the line says how long it took')
    const numbers = kind === 'request' ? REQUEST_NUMBERS : CONNECTION_NUMBERS
    for (const name of kind === 'request' ? CONNECTION_NUMBERS : REQUEST_NUMBERS)
      if (fields[name] !== undefined) this.#fault([name], `is no field of a ${kind}`)
    return {
      kind,
      time: time.rule,
      timeUnit: time.unit,
      isTimeOfBeginning: time.from === 'beginning',
      latencyUnit: latency.unit,
      ...(fields['latency'] === undefined ? {} : { latency: latency.rule }),
      texts: this.#rules(fields, TEXTS, []),
      numbers: this.#rules(fields, numbers, []),
      source: this.#endpoint(fields['source'], 'source'),
      destination: this.#endpoint(fields['destination'], 'destination'),
      ...this.#conditions(fields),
    }
  }

  #kind(value: unknown): 'request' | 'connection' {
    if (value === undefined || value === 'request') return 'request'
    if (value === 'connection') return 'connection'
    this.#fault(['kind'], 'must be request or connection')
    return 'request'
  }

  /** A time or a latency: a rule with a unit. */
  #timed(value: unknown, name: string, more: readonly string[]): { rule: Rule; unit: Unit; from: unknown } {
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
    const { unit = 's', from, ...rest } = isObject ? (value as Record<string, unknown>) : {}
    if (typeof unit !== 'string' || !Object.hasOwn(MICROS, unit))
      this.#fault([name, 'unit'], `must be one of ${Object.keys(MICROS).join(', ')}`)
    if (from !== undefined && !(more.includes('from') && (from === 'beginning' || from === 'end')))
      this.#fault(
        [name, 'from'],
        more.includes('from') ? 'must be beginning or end' : 'is only said of a time',
      )
    const rule = value === undefined ? NOTHING : this.#rule(isObject ? rest : value, [name])
    return { rule, unit: unit as Unit, from }
  }

  #endpoint(value: unknown, name: string): ReadonlyMap<string, Rule> {
    if (value === undefined) return new Map()
    const fields = this.#reader.fields(value, ENDPOINT, [...this.#at, name])
    return this.#rules(fields, ENDPOINT, [name])
  }

  #rules(
    fields: Readonly<Record<string, unknown>>,
    names: readonly string[],
    at: ValuePlace,
  ): ReadonlyMap<string, Rule> {
    return new Map(
      names
        .filter((name) => fields[name] !== undefined)
        .map((name) => [name, this.#rule(fields[name], [...at, name])]),
    )
  }

  #rule(value: unknown, at: ValuePlace): Rule {
    if (typeof value === 'string') return { fields: [value.split('.')] }
    const place = [...this.#at, ...at]
    const fields = this.#reader.fields(value, RULE, place)
    const names = [
      ...(fields['field'] === undefined
        ? []
        : [this.#reader.text(fields['field'], [...place, 'field']) ?? '']),
      ...this.#reader.texts(fields['fields'], [...place, 'fields']),
    ]
    const match = this.#match(fields['match'], [...at, 'match'])
    const name = fields['value'] === undefined ? 'default' : 'value'
    const constant = this.#scalar(fields[name], [...at, name])
    if (names.length === 0 && fields['value'] === undefined)
      this.#fault(at, 'lacks field: which one of the line, or value: one for all lines')
    if (names.length > 0 && fields['value'] !== undefined)
      this.#fault(at, 'has field and value; what stands for a missing one is its default')
    return {
      fields: names.map((name) => name.split('.')),
      ...(match === undefined ? {} : { match }),
      ...(fields['map'] === undefined ? {} : { map: this.#map(fields['map'], [...at, 'map']) }),
      ...(constant === undefined ? {} : { constant }),
    }
  }

  #map(value: unknown, at: ValuePlace): ReadonlyMap<string, Scalar> {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      this.#fault(at, 'must have keys and values')
      return new Map()
    }
    return new Map(Object.entries(value).map(([key, to]) => [key, this.#scalar(to, [...at, key]) ?? '']))
  }

  #scalar(value: unknown, at: ValuePlace): Scalar | undefined {
    if (
      value === undefined ||
      typeof value === 'string' ||
      typeof value === 'number' ||
      typeof value === 'boolean'
    )
      return value
    this.#fault(at, 'must be a text, a number, true or false')
    return undefined
  }

  #match(value: unknown, at: ValuePlace): RegExp | undefined {
    if (value === undefined) return undefined
    const text = this.#reader.text(value, [...this.#at, ...at])
    if (text === undefined) return undefined
    try {
      return new RegExp(text, 'u')
    } catch (error) {
      this.#fault(at, (error as Error).message)
      return undefined
    }
  }

  #conditions(
    fields: Readonly<Record<string, unknown>>,
  ): Partial<Record<'when' | 'reset' | 'tls', Condition>> {
    return Object.fromEntries(
      ['when', 'reset', 'tls']
        .filter((name) => fields[name] !== undefined)
        .map((name) => [name, this.#condition(fields[name], [name])]),
    )
  }

  #condition(value: unknown, at: ValuePlace): Condition {
    if (typeof value === 'string') return { rule: { fields: [value.split('.')] }, isNot: false }
    const place = [...this.#at, ...at]
    const fields = this.#reader.fields(value, CONDITION, place)
    const field = this.#reader.text(fields['field'], [...place, 'field']) ?? ''
    const match = this.#match(fields['match'], [...at, 'match'])
    const among = fields['in'] === undefined ? undefined : this.#reader.list(fields['in'], [...place, 'in'])
    if (fields['not'] !== undefined && typeof fields['not'] !== 'boolean')
      this.#fault([...at, 'not'], 'must be true or false')
    return {
      rule: { fields: [field.split('.')], ...(match === undefined ? {} : { match }) },
      ...(among === undefined ? {} : { among: new Set(among.map(String)) }),
      isNot: fields['not'] === true,
    }
  }

  #fault(at: ValuePlace, message: string): void {
    this.#reader.fault([...this.#at, ...at], message)
  }
}

const NOTHING: Rule = { fields: [] }
