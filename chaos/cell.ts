/** Sums that a series keeps beside outcomes and latencies. */
const SUMS = [
  'latencyMicros',
  'requestBytes',
  'responseBytes',
  'opened',
  'closed',
  'readBytes',
  'writtenBytes',
] as const
export type Sum = (typeof SUMS)[number]

/** What one series counts, in one bucket or in all: plain counting, nothing of meshtap's. */
export interface Cell {
  /** Requests by how they ended, as `outcomeName` writes it. */
  readonly outcomes: Map<string, number>
  /** Requests by latency, in the buckets that the docs name: 32 a doubling, boundaries at powers of 2^(1/32) ms. */
  readonly latencies: Map<number, number>
  readonly sums: Record<Sum, number>
  /** Event times, epoch milliseconds. */
  firstMs: number
  lastMs: number
  /** Open connections as last said, and when; 0: never. */
  open: number
  openAtMs: number
}

export function emptyCell(): Cell {
  return {
    outcomes: new Map(),
    latencies: new Map(),
    sums: {
      latencyMicros: 0,
      requestBytes: 0,
      responseBytes: 0,
      opened: 0,
      closed: 0,
      readBytes: 0,
      writtenBytes: 0,
    },
    firstMs: Number.POSITIVE_INFINITY,
    lastMs: Number.NEGATIVE_INFINITY,
    open: 0,
    openAtMs: 0,
  }
}

export function outcomeName(outcome: {
  readonly status?: number | undefined
  readonly grpcStatus?: number | undefined
  readonly reason?: string | undefined
  readonly isFailure: boolean
}): string {
  const { status = 'none', grpcStatus = 'none', reason = '', isFailure } = outcome
  return `status ${status}, grpc ${grpcStatus}, reason "${reason}", ${isFailure ? FAILED : 'success'}`
}

const FAILED = 'failure'

/** The latency bucket by its formula; 0 holds zeros. */
export function latencyBucket(micros: number): number {
  return micros < 1 ? 0 : Math.max(1, Math.ceil(32 * Math.log2(micros / 1000)) + 319)
}

export function count<K>(counts: Map<K, number>, key: K, by: number): void {
  counts.set(key, (counts.get(key) ?? 0) + by)
}

export function requestsOf(cell: Cell): number {
  let requests = 0
  for (const by of cell.outcomes.values()) requests += by
  return requests
}

export function failuresOf(cell: Cell): number {
  let failures = 0
  for (const [name, by] of cell.outcomes) if (name.endsWith(FAILED)) failures += by
  return failures
}

/** Says how many connections are open; of two said at the same time the larger holds. */
export function register(cell: Cell, open: number, atMs: number): void {
  if (atMs < cell.openAtMs || (atMs === cell.openAtMs && open <= cell.open)) return
  cell.open = open
  cell.openAtMs = atMs
}

export function addCell(into: Cell, cell: Cell): void {
  for (const [name, by] of cell.outcomes) count(into.outcomes, name, by)
  for (const [bucket, by] of cell.latencies) count(into.latencies, bucket, by)
  for (const sum of SUMS) into.sums[sum] += cell.sums[sum]
  into.firstMs = Math.min(into.firstMs, cell.firstMs)
  into.lastMs = Math.max(into.lastMs, cell.lastMs)
  if (cell.openAtMs > 0) register(into, cell.open, cell.openAtMs)
}

/** Cells by the name of their series. */
export type Cells = Map<string, Cell>

export function cellOf(cells: Cells, series: string): Cell {
  let cell = cells.get(series)
  if (cell === undefined) cells.set(series, (cell = emptyCell()))
  return cell
}

/** What differs, in words; nothing where the cells are the same. `lastMs` is compared only where it is of events. */
export function differencesOf(got: Cell, truth: Cell, options: { readonly lastMs: boolean }): string[] {
  const found: string[] = []
  const compare = (what: string, got: number, truth: number) => {
    if (got !== truth) found.push(`${what}: ${got}, truth ${truth}`)
  }
  compare('requests', requestsOf(got), requestsOf(truth))
  for (const name of new Set([...got.outcomes.keys(), ...truth.outcomes.keys()])) {
    compare(name, got.outcomes.get(name) ?? 0, truth.outcomes.get(name) ?? 0)
  }
  for (const bucket of new Set([...got.latencies.keys(), ...truth.latencies.keys()])) {
    compare(`latency bucket ${bucket}`, got.latencies.get(bucket) ?? 0, truth.latencies.get(bucket) ?? 0)
  }
  for (const sum of SUMS) compare(sum, got.sums[sum], truth.sums[sum])
  compare('firstMs', got.firstMs, truth.firstMs)
  if (options.lastMs) compare('lastMs', got.lastMs, truth.lastMs)
  compare('open', got.open, truth.open)
  compare('openAtMs', got.openAtMs, truth.openAtMs)
  return found
}
