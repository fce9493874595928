import {
  type CallOptions,
  type ChannelCredentials,
  type ChannelOptions,
  Client,
  credentials,
  type ClientDuplexStream,
  type ClientWritableStream,
  Metadata,
  type ServiceError,
} from '@grpc/grpc-js'
import protobuf from 'protobufjs'
import type { Test } from 'tap'
import { GrpcIngest, type GrpcIngestOptions } from '../../../src/ingest/grpc/grpc-ingest.ts'
import type { EventLog } from '../../../src/log/event-log.ts'
import { embeddedLog, TOPIC } from '../ingest-server.ts'

export const TRACES = '/opentelemetry.proto.collector.trace.v1.TraceService/Export'
export const LOGS = '/opentelemetry.proto.collector.logs.v1.LogsService/Export'
export const EVENTS = '/meshtap.v1.EventService/PublishEvents'
export const ACCESS_LOGS = '/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs'
export const HEALTH = '/grpc.health.v1.Health/Check'

/** How an answer ended: `code` is gRPC's number. */
export interface Ended {
  readonly code: number
  readonly details: string
  readonly bytes?: Buffer
  /** Milliseconds, from a `google.rpc.RetryInfo`. */
  readonly retryAfterMs?: number
}

/** A server over a log on disk, listening on a free port. */
export async function grpcServer(t: Test, options: Partial<GrpcIngestOptions> = {}) {
  const log = options.log ?? (await embeddedLog(t))
  const server = new GrpcIngest({ topic: TOPIC, ...options, log })
  await server.listen({ host: '127.0.0.1', port: 0 })
  t.teardown(() => server.close())
  return { server, log, stats: server.stats, client: grpcClient(t, server) }
}

export interface ClientParts {
  readonly token?: string
  readonly channel?: ChannelOptions
  readonly credentials?: ChannelCredentials
}

/** A client of a server; it ends with the test. */
export function grpcClient(t: Test, server: GrpcIngest, parts: ClientParts = {}): GrpcClient {
  const client = new GrpcClient(server, parts)
  t.teardown(() => client.close())
  return client
}

export class GrpcClient {
  readonly #client: Client
  readonly #metadata = new Metadata()

  constructor(server: GrpcIngest, { token, channel = {}, credentials: given }: ClientParts) {
    const address = server.origin.replace(/^https?:\/\//, '')
    this.#client = new Client(address, given ?? credentials.createInsecure(), channel)
    if (token !== undefined) this.#metadata.set('authorization', token)
  }

  unary(path: string, message: Uint8Array, options: CallOptions = {}): Promise<Ended> {
    return new Promise((resolve) => {
      this.#client.makeUnaryRequest(
        path,
        asIs,
        asIs,
        Buffer.from(message),
        this.#metadata,
        options,
        (error, bytes) => resolve(endedBy(error, bytes)),
      )
    })
  }

  /** A stream that sends these messages, and how it ended. */
  streamed(path: string, ...messages: readonly Uint8Array[]): Promise<Ended> {
    return new Promise((resolve) => {
      const call = this.#client.makeBidiStreamRequest(path, asIs, asIs, this.#metadata)
      call.on('data', (bytes: Buffer) => resolve({ code: 0, details: 'OK', bytes }))
      call.on('error', (error: ServiceError) => resolve(endedBy(error, undefined)))
      call.on('end', () => resolve({ code: 0, details: 'OK' }))
      for (const message of messages) call.write(Buffer.from(message))
      call.end()
    })
  }

  /** A stream of batches. */
  events(): EventStream {
    return new EventStream(this.#client.makeBidiStreamRequest(EVENTS, asIs, asIs, this.#metadata))
  }

  accessLogs(): { readonly call: ClientWritableStream<Buffer>; readonly ended: Promise<Ended> } {
    const { promise, resolve } = Promise.withResolvers<Ended>()
    const call = this.#client.makeClientStreamRequest(
      ACCESS_LOGS,
      asIs,
      asIs,
      this.#metadata,
      (error: ServiceError | null, bytes?: Buffer) => resolve(endedBy(error, bytes)),
    )
    return { call, ended: promise }
  }

  /** Statuses of the whole server, as they change. */
  watchHealth(): AsyncIterable<Buffer> {
    return this.#client.makeServerStreamRequest(
      '/grpc.health.v1.Health/Watch',
      asIs,
      asIs,
      Buffer.alloc(0),
      this.#metadata,
    )
  }

  close(): void {
    this.#client.close()
  }
}

export interface Acknowledged {
  readonly producer: string
  readonly sequence: number
  readonly refusal?: { readonly code: string; readonly message: string }
}

export class EventStream {
  readonly call: ClientDuplexStream<Buffer, Buffer>
  readonly acknowledged: Acknowledged[] = []
  readonly ended: Promise<Ended>
  #onAcknowledged: () => void = () => undefined

  constructor(call: ClientDuplexStream<Buffer, Buffer>) {
    this.call = call
    call.on('data', (bytes: Buffer) => {
      this.acknowledged.push(
        acknowledgement.toObject(acknowledgement.decode(bytes), { longs: Number }) as Acknowledged,
      )
      this.#onAcknowledged()
    })
    this.ended = new Promise((resolve) => {
      call.on('error', (error: ServiceError) => resolve(endedBy(error, undefined)))
      call.on('end', () => resolve({ code: 0, details: 'OK' }))
    })
  }

  /** Resolves once so many acknowledgements have come. */
  async acknowledgements(count: number): Promise<readonly Acknowledged[]> {
    while (this.acknowledged.length < count) {
      await new Promise<void>((resolve) => (this.#onAcknowledged = resolve))
    }
    return this.acknowledged
  }
}

const proto = new protobuf.Root()
proto.resolvePath = (_origin, target) => new URL(`../../../proto/${target}`, import.meta.url).pathname
const acknowledgement = proto.loadSync('event_service.proto').lookupType('meshtap.v1.Acknowledgement')

const rpcStatus = protobuf.parse(
  `syntax = "proto3";
    message Status { int32 code = 1; string message = 2; repeated Any details = 3; }
    message Any { string type_url = 1; bytes value = 2; }
    message RetryInfo { Duration retry_delay = 1; }
    message Duration { int64 seconds = 1; int32 nanos = 2; }`,
  { keepCase: true },
).root

function endedBy(error: ServiceError | null, bytes: Buffer | undefined): Ended {
  if (error === null) return { code: 0, details: 'OK', ...(bytes === undefined ? {} : { bytes }) }
  const retryAfterMs = retryAfter(error.metadata)
  return {
    code: error.code,
    details: error.details,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  }
}

function retryAfter(metadata: Metadata): number | undefined {
  const [bytes] = metadata.get('grpc-status-details-bin')
  if (!Buffer.isBuffer(bytes)) return undefined
  const status = rpcStatus.lookupType('Status').decode(bytes) as unknown as {
    details: { type_url: string; value: Uint8Array }[]
  }
  const info = status.details.find(({ type_url }) => type_url === 'type.googleapis.com/google.rpc.RetryInfo')
  if (info === undefined) return undefined
  const { retry_delay } = rpcStatus
    .lookupType('RetryInfo')
    .toObject(rpcStatus.lookupType('RetryInfo').decode(info.value), {
      longs: Number,
      defaults: true,
    }) as { retry_delay: { seconds: number; nanos: number } }
  return retry_delay.seconds * 1000 + retry_delay.nanos / 1e6
}

function asIs(bytes: Buffer): Buffer {
  return bytes
}

/** A log that a test opens and shuts: appends fail while it is away, and wait while it is slow. */
export class GatedLog implements EventLog {
  readonly #log: EventLog
  appends = 0
  failure: Error | undefined
  gate: Promise<void> | undefined

  constructor(log: EventLog) {
    this.#log = log
  }

  async append(...args: Parameters<EventLog['append']>): Promise<void> {
    this.appends++
    await this.gate
    if (this.failure !== undefined) throw this.failure
    await this.#log.append(...args)
  }

  subscribe(...args: Parameters<EventLog['subscribe']>) {
    return this.#log.subscribe(...args)
  }

  partitions(topic: string) {
    return this.#log.partitions(topic)
  }

  readSince(...args: Parameters<EventLog['readSince']>) {
    return this.#log.readSince(...args)
  }

  close() {
    return this.#log.close()
  }
}

/** Resolves once a condition holds; the test's own time limit is what ends the wait for one that never does. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5))
}

/** A log that has what it is given at once, and keeps none of it. */
export const instantLog: EventLog = {
  append: () => Promise.resolve(),
  subscribe: () => Promise.reject(new Error('not used')),
  partitions: () => Promise.resolve([]),
  async *readSince() {},
  close: () => Promise.resolve(),
}
