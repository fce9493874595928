import type { ConnectionEvent, Direction, Endpoint } from '../event/event.ts'
import type { Log } from '../reporter/log.ts'
import type { SenderToken } from '../reporter/ingest-client.ts'
import { createReporter } from '../reporter/create-reporter.ts'
import type { Reporter, ReporterLimits, ReporterStats } from '../reporter/reporter.ts'
import type { SpoolOptions } from '../reporter/spool/spool.ts'
import { after } from '../reporter/timers.ts'
import { ConnectionTracker } from './connection-tracker.ts'
import { Forwarder, type ForwarderOptions } from './forwarder.ts'
import { InboundSide } from './inbound-side.ts'
import { type ListenAddress, Listener } from './listener.ts'
import { OutboundSide } from './outbound-side.ts'
import { ProxyError } from './proxy-error.ts'
import { DEFAULT_PROXY_LIMITS, type ProxyLimits } from './proxy-limits.ts'
import { type RouteOptions, RouteTable } from './route-table.ts'
import type { Side } from './side.ts'
import { Upstream } from './upstream.ts'

/** In front of the workload. */
export interface InboundOptions {
  readonly listen: ListenAddress
  /** The workload's own address: `http://127.0.0.1:3000`. */
  readonly upstream: string
  /** Who sends the requests that do not say so; their address, where it is left out. */
  readonly source?: Endpoint
}

/** Between the workload and those it calls. */
export interface OutboundOptions {
  readonly listen: ListenAddress
  /** Where requests go, by their host. With none, each goes to the host that it names, as through a forward proxy. */
  readonly routes: readonly RouteOptions[]
  /** What requests go to, where neither a sidecar there nor the host tells. */
  readonly destination?: Endpoint
}

export interface ProxyOptions {
  /** The workload whose sidecar this is: cluster, namespace, kind, name, pod and service, as far as they are known. */
  readonly workload: Endpoint
  /** At least one of the two. */
  readonly inbound?: InboundOptions
  readonly outbound?: OutboundOptions
  /** Meshtap's ingest: `http://127.0.0.1:4318`. */
  readonly ingestUrl: string
  /** Where the ingest asks for one. */
  readonly ingestToken?: SenderToken
  /** Where events wait, across restarts, that cannot be sent; in memory only, where it is left out. */
  readonly spool?: SpoolOptions
  /** Names of headers to report with each request. What they hold can be read by everyone who may tap. */
  readonly headers?: readonly string[]
  /** What differs from `DEFAULT_PROXY_LIMITS`. */
  readonly limits?: Partial<ProxyLimits>
  /** What differs from `DEFAULT_REPORTER_LIMITS`. */
  readonly reporter?: Partial<ReporterLimits>
  readonly log?: Log
}

export interface ProxyStats {
  readonly requests: number
  readonly websockets: number
  /** Requests sent a second time, because the upstream closed the connection kept for them. */
  readonly retries: number
  readonly openConnections: number
  /** Clients turned away, because the listener held as many connections as it may. */
  readonly droppedConnections: number
  readonly reporter: ReporterStats
}

export interface RunningProxy extends AsyncDisposable {
  /** Where each listener is: `http://127.0.0.1:8080`. */
  readonly inboundUrl: string | undefined
  readonly outboundUrl: string | undefined
  readonly stats: ProxyStats
  /** Resolves when what was reported so far is at the ingest, or refused by it. */
  flush(): Promise<void>
  /** Ends requests under way, cuts those that outlast the grace, and sends what is still to report. Idempotent. */
  close(): Promise<void>
}

/**
 * Starts a sidecar. Rejects with a ProxyError, with a TypeError or RangeError for the reporter's options, or with a SpoolError
 * or the system's error for its spool.
 */
export async function startProxy(options: ProxyOptions): Promise<RunningProxy> {
  const { ingestUrl, ingestToken, spool, log } = options
  const reporter = await createReporter({
    ingestUrl,
    ...(ingestToken === undefined ? {} : { token: ingestToken }),
    ...(spool === undefined ? {} : { spool }),
    ...options.reporter,
    ...(log === undefined ? {} : { log }),
  })
  const proxy = await sidecarOf(options, reporter)
  try {
    await proxy.listen()
  } catch (error) {
    await proxy.close()
    throw error
  }
  return proxy
}

async function sidecarOf(options: ProxyOptions, reporter: Reporter): Promise<Sidecar> {
  try {
    return new Sidecar(options, reporter)
  } catch (error) {
    await reporter.close()
    throw error
  }
}

class Sidecar implements RunningProxy {
  readonly #limits: ProxyLimits
  readonly #options: ProxyOptions
  readonly #reporter: Reporter
  readonly #trackers: ConnectionTracker[] = []
  readonly #forwarders: Forwarder[] = []
  readonly #closers: (() => void)[] = []
  readonly #inbound: Listener | undefined
  readonly #outbound: Listener | undefined
  #closing: Promise<void> | undefined

  constructor(options: ProxyOptions, reporter: Reporter) {
    const { inbound, outbound } = options
    if (inbound === undefined && outbound === undefined) {
      throw new ProxyError(
        'PROXY_OPTION_INVALID',
        'a proxy needs an upstream to stand before, or outbound routes',
      )
    }
    this.#options = options
    this.#reporter = reporter
    this.#limits = { ...DEFAULT_PROXY_LIMITS, ...options.limits }
    this.#inbound = inbound && this.#makeInbound(inbound)
    this.#outbound = outbound && this.#makeOutbound(outbound)
  }

  get inboundUrl(): string | undefined {
    return this.#inbound?.url
  }

  get outboundUrl(): string | undefined {
    return this.#outbound?.url
  }

  get stats(): ProxyStats {
    const sum = (of: (forwarder: Forwarder) => number): number =>
      this.#forwarders.reduce((total, forwarder) => total + of(forwarder), 0)
    const listeners = this.#listeners
    return {
      requests: sum(({ stats }) => stats.requests),
      websockets: sum(({ stats }) => stats.websockets),
      retries: sum(({ stats }) => stats.retries),
      openConnections: listeners.reduce((total, { openConnections }) => total + openConnections, 0),
      droppedConnections: listeners.reduce((total, { droppedConnections }) => total + droppedConnections, 0),
      reporter: this.#reporter.stats,
    }
  }

  async listen(): Promise<void> {
    const { inbound, outbound } = this.#options
    if (inbound !== undefined) await this.#inbound?.listen(inbound.listen)
    if (outbound !== undefined) await this.#outbound?.listen(outbound.listen)
  }

  flush(): Promise<void> {
    return this.#reporter.flush()
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close())
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    await Promise.all(this.#listeners.map((listener) => listener.close(this.#limits.closeGraceMs)))
    await Promise.all(this.#forwarders.map((forwarder) => forwarder.idle()))
    for (const close of this.#closers) close()
    for (const tracker of this.#trackers) tracker.close()
    await this.#reporter.close()
  }

  get #listeners(): readonly Listener[] {
    return [this.#inbound, this.#outbound].filter((listener) => listener !== undefined)
  }

  #makeInbound(options: InboundOptions): Listener {
    const { workload } = this.#options
    const connections = this.#track('inbound')
    const upstream = new Upstream(options.upstream, this.#limits)
    this.#closers.push(() => upstream.close())
    const side = new InboundSide({ workload, upstream, source: options.source, connections })
    return new Listener(this.#forward({ side }), this.#limits, (socket) => {
      connections.track(socket, options.source)
    })
  }

  #makeOutbound(options: OutboundOptions): Listener {
    const { workload } = this.#options
    const connections = this.#track('outbound')
    const routes = new RouteTable(options.routes, this.#limits)
    this.#closers.push(() => routes.close())
    const side = new OutboundSide({ workload, routes, destination: options.destination, connections })
    // A client's connection to its own sidecar says nothing; those to the destinations count.
    const forwarder = this.#forward({
      side,
      onUpstreamSocket: (socket, hop) => connections.track(socket, hop.destination),
    })
    return new Listener(forwarder, this.#limits, () => {})
  }

  #forward(options: { side: Side } & Pick<ForwarderOptions, 'onUpstreamSocket'>): Forwarder {
    const { headers = [] } = this.#options
    const forwarder = new Forwarder({
      ...options,
      limits: this.#limits,
      proxy: this.#proxyId,
      headers: new Set(headers.map((name) => name.toLowerCase())),
      now: Date.now,
      monotonicMs: () => performance.now(),
      report: (event) => this.#reporter.report(event),
    })
    this.#forwarders.push(forwarder)
    return forwarder
  }

  #track(direction: Direction): ConnectionTracker {
    const { workload } = this.#options
    const proxy = this.#proxyId
    const tracker = new ConnectionTracker({
      after,
      periodMs: this.#limits.connectionReportMs,
      report: ({ peer, ...counts }) => {
        const event: ConnectionEvent = {
          kind: 'connection',
          timeMs: Date.now(),
          direction,
          ...(proxy === undefined ? {} : { proxy }),
          ...(direction === 'outbound' ? { source: workload } : peer === undefined ? {} : { source: peer }),
          destination: direction === 'inbound' ? workload : (peer ?? {}),
          ...counts,
        }
        this.#reporter.report(event)
      },
    })
    this.#trackers.push(tracker)
    return tracker
  }

  get #proxyId(): string | undefined {
    return this.#options.workload.pod ?? this.#options.workload.name
  }
}
