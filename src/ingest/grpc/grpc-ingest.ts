import { createServer, type AddressInfo, type Server as NetServer, type Socket } from 'node:net'
import { Server, ServerCredentials } from '@grpc/grpc-js'
import type { FastifyBaseLogger } from 'fastify'
import { AccessError } from '../../access/access-error.ts'
import { bearerOf } from '../../access/bearer.ts'
import type { StaticTokens } from '../../access/static-tokens.ts'
import { limitConnections } from '../../http/connection-limits.ts'
import type { Readiness } from '../../http/health-routes.ts'
import type { TlsMaterial } from '../../http/tls-material.ts'
import type { EventLog } from '../../log/event-log.ts'
import { ByteBudget } from '../byte-budget.ts'
import { Intake } from '../intake.ts'
import { streamAccessLogs } from './access-log-stream.ts'
import { admission } from './admission.ts'
import { publishEvents } from './event-stream.ts'
import { exportMethod, fullSuccess, type TraceCall } from './export-method.ts'
import { closingProblem, Failures } from './failures.ts'
import { type GrpcLimits, grpcLimits } from './grpc-limits.ts'
import { type GrpcStats, grpcStats } from './grpc-stats.ts'
import { checkHealth, watchHealth } from './health.ts'
import { logsAnswer } from './logs-answer.ts'
import { type GrpcMethodName, SERVICE } from './methods.ts'
import { OpenStreams } from './open-streams.ts'
import { TlsCredentials } from './tls-credentials.ts'

export interface GrpcIngestOptions {
  readonly log: EventLog
  readonly topic: string
  /** What differs from `DEFAULT_GRPC_LIMITS`. */
  readonly limits?: Partial<GrpcLimits>
  /** Shared with another transport; without it the server has one of its own, of `inFlightBytes`. */
  readonly budget?: ByteBudget
  /** Epoch milliseconds. */
  readonly now?: () => number
  readonly ready?: Readiness
  readonly logger?: FastifyBaseLogger
  /** Of those who may send. Without it anyone may. */
  readonly tokens?: () => StaticTokens
  readonly tls?: TlsMaterial
  /** Of OTLP's exports. Streams have none: they may last for days. */
  readonly trace?: TraceCall
}

/**
 * The gRPC server that takes events into the log: OTLP's traces and logs, Envoy's access logs, and meshtap's own stream of
 * batches. It acknowledges only what the log has. Call `listen` on it, and `close`.
 */
export class GrpcIngest {
  readonly stats: GrpcStats
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #listener: NetServer
  readonly #streams = new OpenStreams()
  readonly #stop = new AbortController()
  readonly #limits: GrpcLimits
  readonly #isSecure: boolean
  #closedWireBytes = 0
  #isClosing = false
  #closed: Promise<void> | undefined

  constructor(options: GrpcIngestOptions) {
    const limits = grpcLimits(options.limits)
    const budget = options.budget ?? new ByteBudget(limits.inFlightBytes)
    const stats = grpcStats({
      inFlightBytes: () => budget.used,
      waitingMessages: () => budget.waiting,
      wireBytes: () => {
        let bytes = this.#closedWireBytes
        for (const { bytesRead } of this.#sockets) bytes += bytesRead
        return bytes
      },
    })
    const failures = new Failures({
      problems: stats.problems,
      logger: options.logger,
      now: options.now ?? Date.now,
    })
    const intake = new Intake({ log: options.log, topic: options.topic, limits, budget, stats })
    const exporting = { intake, failures, trace: options.trace }
    const isClosing = (): boolean => this.#isClosing
    this.stats = stats
    this.#limits = limits
    this.#isSecure = options.tls !== undefined
    this.#server = new Server({
      interceptors: [
        admission({ admit: admitting(options.tokens), isClosing, budget, limits, stats, failures }),
      ],
      'grpc.max_receive_message_length': limits.bodyBytes,
      'grpc.max_concurrent_streams': limits.callsPerConnection,
      'grpc.keepalive_time_ms': limits.keepaliveMs,
      'grpc.keepalive_timeout_ms': limits.keepaliveMs,
      'grpc.enable_channelz': 0,
    })
    const streams = this.#streams
    const health = { ready: options.ready ?? (() => ({ ready: true })), isClosing, streams }
    this.#server.addService(SERVICE, {
      exportTraces: exportMethod('otlpTraces', fullSuccess, exporting),
      exportLogs: exportMethod('otlpLogs', logsAnswer, exporting),
      publishEvents: publishEvents({ intake, failures, streams }),
      streamAccessLogs: streamAccessLogs({
        intake,
        failures,
        streams,
        stats,
        limits,
        stop: this.#stop.signal,
      }),
      checkHealth: checkHealth(health),
      watchHealth: watchHealth(health),
    } satisfies Record<GrpcMethodName, unknown>)
    this.#listener = this.#createListener(
      options.tls === undefined ? ServerCredentials.createInsecure() : new TlsCredentials(options.tls),
    )
  }

  /** `http://127.0.0.1:4317`, of a server that listens. */
  get origin(): string {
    const { address, port, family } = this.#listener.address() as AddressInfo
    return `${this.#isSecure ? 'https' : 'http'}://${family === 'IPv6' ? `[${address}]` : address}:${port}`
  }

  /** Rejects with the system's error where the address cannot be had. */
  listen({ host, port }: { readonly host: string; readonly port: number }): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#listener.once('error', reject)
      this.#listener.listen({ host, port }, () => {
        this.#listener.off('error', reject)
        resolve()
      })
    })
  }

  /**
   * Ends calls when what they have under way is in the log, and cuts off after `closeGraceMs` those that have not ended.
   * Idempotent.
   */
  close(): Promise<void> {
    return (this.#closed ??= this.#close())
  }

  async #close(): Promise<void> {
    this.#isClosing = true
    const isClosed = new Promise<void>((resolve) => this.#listener.close(() => resolve()))
    this.#stop.abort()
    this.#streams.end(closingProblem)
    const cut = setTimeout(() => {
      for (const socket of this.#sockets) socket.destroy()
    }, this.#limits.closeGraceMs)
    await new Promise<void>((resolve) => this.#server.tryShutdown(() => resolve()))
    // A session's socket ends after it, when what it wrote last has been sent.
    await isClosed
    clearTimeout(cut)
  }

  /** Accepts connections for grpc-js, which has no limits of these itself. */
  #createListener(credentials: ServerCredentials): NetServer {
    const injector = this.#server.createConnectionInjector(credentials)
    const listener = createServer({ noDelay: true })
    limitConnections(listener, this.#limits, () => this.stats.droppedConnections++)
    listener.on('connection', (socket) => {
      if (socket.destroyed) return
      this.#sockets.add(socket)
      socket.once('close', () => {
        this.#sockets.delete(socket)
        this.#closedWireBytes += socket.bytesRead
      })
      injector.injectConnection(socket)
    })
    return listener
  }
}

function admitting(tokens: (() => StaticTokens) | undefined): (authorization: string | undefined) => void {
  return (authorization) => {
    if (tokens === undefined || tokens().holderOf(bearerOf(authorization)) !== undefined) return
    throw new AccessError('TOKEN_INVALID', 'the token is none of those who may send events here')
  }
}
