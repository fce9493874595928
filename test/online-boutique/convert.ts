import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import type { Endpoint, RequestEvent } from '../../src/event/event.ts'
import { eventToJson } from '../../src/event/json-encoder.ts'
import { encodeOtlpTraces } from '../../src/event/otlp-encoder.ts'

const SPANS = new URL('../fixtures/online-boutique/spans.csv.gz', import.meta.url)
const NAMESPACE = 'boutique'

interface Row {
  readonly traceId: string
  readonly spanId: string
  readonly parentId: string
  readonly pod: string
  readonly operation: string
  readonly endNanos: bigint
  readonly durationMicros: number
}

/**
 * The requests between two workloads of Online Boutique, as the called workload's proxies would report them, in the
 * order of the file: a span whose parent is in another pod.
 */
export function boutiqueRequests(): RequestEvent[] {
  const rows = readRows()
  const byId = new Map(rows.map((row) => [row.spanId, row]))
  return rows.flatMap((row) => {
    const parent = byId.get(row.parentId)
    return parent === undefined || parent.pod === row.pod ? [] : [requestOf(row, parent)]
  })
}

/** The same requests as OTLP messages of at most `size` spans. */
export function boutiqueOtlpMessages(size = 100): Uint8Array[] {
  return chunksOf(boutiqueRequests(), size).map(encodeOtlpTraces)
}

/** The same requests as JSON, one a line. */
export function boutiqueNdjson(): string {
  return boutiqueRequests()
    .map((event) => `${JSON.stringify(eventToJson(event))}\n`)
    .join('')
}

function requestOf(row: Row, parent: Row): RequestEvent {
  return {
    kind: 'request',
    timeMs: Number(row.endNanos / 1_000_000n),
    direction: 'inbound',
    source: endpointOf(parent.pod),
    destination: endpointOf(row.pod),
    // Some services write their operations with the slash.
    path: row.operation.startsWith('/') ? row.operation : `/${row.operation}`,
    latencyMicros: row.durationMicros,
    traceId: row.traceId,
  }
}

/** A pod's name is its workload's and two more parts. */
function endpointOf(pod: string): Endpoint {
  return { namespace: NAMESPACE, kind: 'deployment', name: pod.split('-').slice(0, -2).join('-'), pod }
}

function readRows(): Row[] {
  const [, ...lines] = gunzipSync(readFileSync(SPANS)).toString().trim().split('\n')
  return lines.map((line) => {
    const [traceId = '', spanId = '', parentId = '', pod = '', operation = '', , end = '', duration = ''] =
      line.split(',')
    return {
      traceId,
      spanId,
      parentId,
      pod,
      operation,
      endNanos: BigInt(end),
      durationMicros: Number(duration),
    }
  })
}

function chunksOf<T>(all: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(all.length / size) }, (_, i) => all.slice(i * size, (i + 1) * size))
}
