import { Buffer } from 'node:buffer'
import { readdirSync, readFileSync } from 'node:fs'
import { decodeAccessLogs } from '../src/event/als-decoder.ts'
import { DecodeError } from '../src/event/decode-error.ts'
import { Dictionary } from '../src/event/dictionary.ts'
import { decodeEventBatch } from '../src/event/event-batch-decoder.ts'
import { encodeEventBatch } from '../src/event/event-batch-encoder.ts'
import type { MeshEvent } from '../src/event/event.ts'
import { EventColumns } from '../src/event/event-columns.ts'
import { addEvent } from '../src/event/event-objects.ts'
import { decodeJson } from '../src/event/json-decoder.ts'
import { eventToJson } from '../src/event/json-encoder.ts'
import { decodeOtlpTraces } from '../src/event/otlp-decoder.ts'
import { decodeOtlpTracesJson } from '../src/event/otlp-json-decoder.ts'
import { decodeOtlpLogs } from '../src/event/otlp-logs-decoder.ts'
import { decodeLines } from '../src/mapping/mapping.ts'
import { parseMapping } from '../src/mapping/parse-mapping.ts'

/** What is fuzzed: a decoder, and messages that it takes. */
export interface Target {
  readonly name: string
  readonly samples: readonly Uint8Array[]
  /** Decodes; throws a DecodeError where it refuses, and nothing else. */
  readonly decode: (bytes: Uint8Array, columns: EventColumns) => void
}

const FIXTURES = new URL('../test/fixtures/', import.meta.url)

function captured(folder: string, wanted: RegExp): Uint8Array[] {
  return readdirSync(new URL(folder, FIXTURES))
    .filter((name) => wanted.test(name))
    .map((name) => readFileSync(new URL(`${folder}/${name}`, FIXTURES)))
}

/** What captures mean. */
const EVENTS: readonly (readonly MeshEvent[])[] = [
  ...captured('otlp', /\.ndjson$/),
  ...captured('als', /\.ndjson$/),
].map((lines) =>
  Buffer.from(lines)
    .toString('utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as MeshEvent),
)

function batchOf(events: readonly MeshEvent[]): Uint8Array {
  const columns = new EventColumns(new Dictionary())
  for (const event of events) addEvent(columns, event)
  columns.producer = 'fuzz'
  columns.sequence = 1
  return encodeEventBatch(columns)
}

const linesOf = (events: readonly MeshEvent[]): Uint8Array =>
  Buffer.from(events.map((event) => `${JSON.stringify(eventToJson(event))}\n`).join(''))

const arrayOf = (events: readonly MeshEvent[]): Uint8Array =>
  Buffer.from(JSON.stringify(events.map(eventToJson), undefined, 1))

const OTLP_JSON = {
  resourceSpans: [
    {
      resource: { attributes: [{ key: 'k8s.pod.name', value: { stringValue: 'web-1' } }] },
      scopeSpans: [
        {
          spans: [
            {
              traceId: '5b8efff798038103d269b633813fc60c',
              spanId: 'eee19b7ec3c1b174',
              name: 'GET /a',
              kind: 2,
              startTimeUnixNano: '1544712660000000000',
              endTimeUnixNano: '1544712661000000000',
              attributes: [
                { key: 'http.request.method', value: { stringValue: 'GET' } },
                { key: 'http.response.status_code', value: { intValue: '200' } },
                { key: 'url.path', value: { stringValue: '/a\u00e9\\u0041' } },
              ],
              status: { code: 1 },
            },
          ],
        },
      ],
    },
  ],
}

const NGINX_LINE = {
  msec: 1_763_978_400.123,
  request_time: '0.250',
  hostname: 'edge-1',
  remote_addr: '10.0.0.9',
  status: '200',
  upstream_addr: '10.0.0.5:8080, 10.0.0.6:8080',
  upstream_status: '502, 200',
  upstream_response_time: '0.001, 0.240',
  traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
}

function nginx(): Target['decode'] {
  const path = new URL('../mappings/nginx.yaml', import.meta.url)
  const mapping = parseMapping(readFileSync(path, 'utf8'), 'nginx.yaml')
  return (bytes, columns) => decodeLines(mapping, bytes, columns)
}

const json = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value))

/** Every decoder of events, on messages that proxies sent, or that say the same. */
export const TARGETS: readonly Target[] = [
  { name: 'EventBatch', samples: EVENTS.map(batchOf), decode: decodeEventBatch },
  { name: 'JSON', samples: [...EVENTS.map(linesOf), ...EVENTS.map(arrayOf)], decode: decodeJson },
  { name: 'OTLP spans', samples: captured('otlp', /^(?!envoy-logs).*\.bin$/), decode: decodeOtlpTraces },
  { name: 'OTLP spans in JSON', samples: [json(OTLP_JSON)], decode: decodeOtlpTracesJson },
  { name: 'OTLP logs', samples: captured('otlp', /^envoy-logs.*\.bin$/), decode: decodeOtlpLogs },
  { name: 'Envoy access logs', samples: captured('als', /\.bin$/), decode: decodeAccessLogs },
  {
    name: 'lines of nginx',
    samples: [Buffer.concat([json(NGINX_LINE), Buffer.from('\n'), json(NGINX_LINE)])],
    decode: nginx(),
  },
]

/** What a decoder did that it must not. */
export function misbehaviour(error: unknown): string | undefined {
  return error instanceof DecodeError
    ? undefined
    : `threw ${String(error instanceof Error ? error.stack : error)}`
}
