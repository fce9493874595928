import { Dictionary } from '../src/event/dictionary.ts'
import type { RequestEvent } from '../src/event/event.ts'
import { EventColumns } from '../src/event/event-columns.ts'
import { addEvent } from '../src/event/event-objects.ts'
import { random } from '../test/random.ts'

export interface TrafficOptions {
  readonly series: number
  readonly seed: number
  /** Epoch milliseconds of the first event; one event a quarter of a millisecond. */
  readonly startMs: number
  readonly traces?: boolean
}

/** Requests over `series` series: 100 workloads in 20 namespaces, 1 % failures, log-normal latencies around 3 ms. */
export function* traffic({
  series,
  seed,
  startMs,
  traces = false,
}: TrafficOptions): Generator<RequestEvent, never> {
  const next = random(seed)
  const normal = () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next())
  for (let i = 0; ; i++) {
    const s = Math.floor(next() * series)
    const workload = s % 100
    const namespace = `team-${workload % 20}`
    yield {
      kind: 'request',
      timeMs: startMs + Math.floor(i / 4),
      direction: 'inbound',
      proxy: `service-${workload}-5d8f7c9b6-${s}`,
      source: { cluster: 'east', namespace: 'edge', kind: 'deployment', name: `client-${s % 50}` },
      destination: {
        cluster: 'east',
        namespace,
        kind: 'deployment',
        name: `service-${workload}`,
        pod: `service-${workload}-5d8f7c9b6-${s}`,
        service: `service-${workload}`,
      },
      method: 'GET',
      scheme: 'http',
      authority: `service-${workload}.${namespace}:80`,
      path: `/api/resource-${s % 7}/list`,
      status: next() < 0.01 ? 500 : 200,
      latencyMicros: Math.round(Math.exp(8 + normal())),
      requestBytes: Math.floor(next() * 1000),
      responseBytes: Math.floor(next() * 8000),
      tls: true,
      ...(traces
        ? { traceId: Array.from({ length: 32 }, () => Math.floor(next() * 16).toString(16)).join('') }
        : {}),
    }
  }
}

/** The next `count` events as columns of a dictionary of their own. */
export function takeColumns(events: Iterator<RequestEvent, never>, count: number): EventColumns {
  const columns = new EventColumns(new Dictionary())
  for (let i = 0; i < count; i++) addEvent(columns, events.next().value)
  return columns
}
