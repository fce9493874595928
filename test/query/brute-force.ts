import type { Endpoint, MeshEvent, RequestEvent } from '../../src/event/event.ts'
import type { StatRow } from '../../src/query/answer.ts'

/** What a row of `stat` must say of requests, worked out event by event with none of the code that is tested. */
export interface Expected {
  readonly requests: number
  readonly failures: number
  /** All latencies, sorted, microseconds. */
  readonly latencies: readonly number[]
}

export interface Question {
  /** The row of an event, as `namespace/name`; undefined where it belongs in none. */
  readonly rowOf: (event: MeshEvent) => string | undefined
  /** Events with the same unit are of the same requests, told by one side or the other; undefined: of none other's. */
  readonly unitOf: (event: MeshEvent) => string | undefined
  readonly side: 'inbound' | 'outbound'
  /** Whether the other side counts for units that `side` tells nothing of. */
  readonly falls: boolean
}

export function place(endpoint: Endpoint | undefined, field: 'name' | 'service'): string {
  return `${endpoint?.namespace}/${endpoint?.[field]}`
}

/** The requests since `fromMs` that count in each row. */
export function requestsOfRows(
  events: readonly MeshEvent[],
  { rowOf, unitOf, side, falls }: Question,
  fromMs: number,
): ReadonlyMap<string, readonly RequestEvent[]> {
  const inWindow = events.filter((event) => event.kind === 'request' && event.timeMs >= fromMs)
  const told = new Set(inWindow.filter(({ direction }) => direction === side).map(unitOf))
  const rows = new Map<string, RequestEvent[]>()
  for (const event of inWindow) {
    if (event.kind !== 'request') continue
    if (event.direction !== side && (!falls || told.has(unitOf(event)))) continue
    const row = rowOf(event)
    if (row !== undefined) rows.set(row, [...(rows.get(row) ?? []), event])
  }
  return rows
}

/** Rows of the requests since `fromMs`. */
export function expectedRows(
  events: readonly MeshEvent[],
  question: Question,
  fromMs: number,
): ReadonlyMap<string, Expected> {
  return new Map(
    [...requestsOfRows(events, question, fromMs)].map(([row, requests]) => [
      row,
      {
        requests: requests.length,
        failures: requests.filter(({ status }) => status! >= 500).length,
        latencies: requests.map(({ latencyMicros }) => latencyMicros).toSorted((a, b) => a - b),
      },
    ]),
  )
}

/** Where a row's figures are not what they must be: sentences, none if all is well. */
export function differences(
  rows: readonly StatRow[],
  want: ReadonlyMap<string, Expected>,
  seconds: number,
  latencyError: number,
): string[] {
  const found: string[] = []
  const busy = rows.filter(({ requests }) => requests > 0)
  if (busy.length !== want.size) found.push(`${busy.length} rows instead of ${want.size}`)
  for (const row of busy) {
    const id = `${row.namespace}/${row.name}`
    const expected = want.get(id)
    if (expected === undefined) {
      found.push(`${id} should not be there`)
      continue
    }
    const { requests, failures, latencies } = expected
    const exact = { requests, failures, success: (requests - failures) / requests, rps: requests / seconds }
    for (const [name, value] of Object.entries(exact)) {
      const got = row[name as keyof typeof exact]
      if (got !== value) found.push(`${id} ${name} is ${got} instead of ${value}`)
    }
    for (const [name, q] of [
      ['p50', 0.5],
      ['p95', 0.95],
      ['p99', 0.99],
    ] as const) {
      const wanted = latencies[Math.ceil(q * requests) - 1]! / 1000
      const got = row.latencyMs![name]
      if (Math.abs(got - wanted) > latencyError * wanted + 1e-9)
        found.push(`${id} ${name} is ${got}, not ${wanted}`)
    }
  }
  return found
}
