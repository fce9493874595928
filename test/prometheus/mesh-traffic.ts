import { setTimeout as sleep } from 'node:timers/promises'

/** An event as JSON has it. */
type JsonEvent = Readonly<Record<string, unknown>>

interface Workload {
  readonly cluster: string
  readonly namespace: string
  readonly kind: string
  readonly name: string
  readonly service?: string
}

const web: Workload = {
  cluster: 'east',
  namespace: 'shop',
  kind: 'deployment',
  name: 'web',
  service: 'web-svc',
}
const cart: Workload = {
  cluster: 'east',
  namespace: 'shop',
  kind: 'statefulset',
  name: 'cart',
  service: 'cart-svc',
}
const report: Workload = { cluster: 'east', namespace: 'shop', kind: 'job', name: 'report' }
const pay: Workload = {
  cluster: 'west',
  namespace: 'bank',
  kind: 'daemonset',
  name: 'pay',
  service: 'pay-svc',
}

interface Call {
  readonly source: Workload
  readonly destination: Workload
  readonly route: string
  readonly method: string
  readonly isGrpc?: true
  readonly tls: boolean
  /** Requests in each tick. */
  readonly count: number
}

/** Every kind of workload and ending that queries tell apart, within a cluster and from one to another. */
const CALLS: readonly Call[] = [
  { source: web, destination: cart, route: '/items/{id}', method: 'GET', tls: true, count: 12 },
  { source: web, destination: cart, route: '/items', method: 'POST', tls: true, count: 4 },
  { source: report, destination: cart, route: '/totals', method: 'GET', tls: false, count: 2 },
  {
    source: web,
    destination: pay,
    route: '/bank.Pay/Charge',
    method: 'POST',
    isGrpc: true,
    tls: true,
    count: 6,
  },
]

/** How often events are sent. */
const TICK_MS = 250
/** Requests fail that are divisible by it. */
const FAILS_EACH = 10

/** What was sent of a workload that received it. */
export interface Received {
  requests: number
  failures: number
  readonly latenciesMs: number[]
}

/**
 * Sends the events of a small mesh, each as both of its proxies report it, and remembers what it sent. What it sends is
 * numbered, and repeated until it was taken, so it counts once whatever happens to who takes it.
 */
export class MeshTraffic {
  readonly #ingestUrl: string
  /** By `namespace/kind/name`. */
  readonly received = new Map<string, Received>()
  #sequence = 0
  #requests = 0
  #stopping: AbortController | undefined
  #running: Promise<void> | undefined

  constructor(ingestUrl: string) {
    this.#ingestUrl = ingestUrl
  }

  start(): void {
    this.#stopping = new AbortController()
    this.#running = this.#run(this.#stopping.signal)
  }

  /** Resolves when all that was sent is acknowledged. */
  async stop(): Promise<void> {
    this.#stopping?.abort()
    await this.#running
  }

  async #run(stopping: AbortSignal): Promise<void> {
    for (let dueMs = Date.now(); !stopping.aborted; dueMs += TICK_MS) {
      await this.#send(this.#tick(Date.now()))
      await sleep(Math.max(0, dueMs + TICK_MS - Date.now()))
    }
  }

  async #send(events: readonly JsonEvent[]): Promise<void> {
    const body = JSON.stringify(events)
    const headers = {
      'content-type': 'application/json',
      'meshtap-producer': 'mesh-traffic',
      'meshtap-sequence': String(++this.#sequence),
    }
    for (let tries = 0; ; tries++) {
      try {
        const response = await fetch(`${this.#ingestUrl}/v1/events`, { method: 'POST', headers, body })
        const text = await response.text()
        if (response.ok) return
        throw new Error(`${response.status} ${text}`)
      } catch (error) {
        if (tries === 300) throw error
        await sleep(100)
      }
    }
  }

  #tick(timeMs: number): JsonEvent[] {
    return CALLS.flatMap((call) => [
      ...Array.from({ length: call.count }, () => this.#request(call, timeMs)).flat(),
      ...bothSides(call, (side) => ({
        kind: 'connection',
        time: timeMs,
        open: 3,
        opened: 1,
        closed: 1,
        readBytes: side === 'inbound' ? 100 : 1000,
        writtenBytes: side === 'inbound' ? 1000 : 100,
      })),
    ])
  }

  #request(call: Call, timeMs: number): JsonEvent[] {
    const number = ++this.#requests
    const isFailure = number % FAILS_EACH === 0
    // From 1 ms to about 1 s, more of the short ones.
    const latencyMicros = Math.round(1000 * 2 ** ((number * 7) % 11)) + number
    const ending = call.isGrpc
      ? { status: 200, grpcStatus: isFailure ? 14 : 0 }
      : isFailure
        ? number % (2 * FAILS_EACH) === 0
          ? { reset: true }
          : { status: 503 }
        : { status: number % 7 === 0 ? 404 : 200 }
    const { namespace, kind, name } = call.destination
    const key = `${namespace}/${kind}/${name}`
    const received = this.received.get(key) ?? { requests: 0, failures: 0, latenciesMs: [] }
    this.received.set(key, received)
    received.requests++
    if (isFailure) received.failures++
    received.latenciesMs.push(latencyMicros / 1000)
    return bothSides(call, () => ({
      time: timeMs,
      method: call.method,
      route: call.route,
      path: call.route,
      authority: `${call.destination.service}.${namespace}:80`,
      latencyMicros,
      traceId: number.toString(16).padStart(32, '0'),
      ...ending,
    }))
  }
}

function bothSides(
  { source, destination, tls }: Call,
  of: (side: 'inbound' | 'outbound') => JsonEvent,
): JsonEvent[] {
  const endpoint = (workload: Workload, pod: number) => ({ ...workload, pod: `${workload.name}-${pod}` })
  const ends = { source: endpoint(source, 0), destination: endpoint(destination, 1) }
  return (['inbound', 'outbound'] as const).map((direction) => ({
    direction,
    tls,
    ...ends,
    ...of(direction),
  }))
}
