import type { MethodDefinition, ServiceDefinition } from '@grpc/grpc-js'

/** A method of a service. Its messages are bytes: codecs of our own read and write them. */
export interface GrpcMethod {
  /** `/package.Service/Method`. */
  readonly path: string
  /** Who may call: anyone, because the answer holds nothing that is not public, or whom the server lets in. */
  readonly access: 'open' | 'granted'
  /** Whether the client, or the server, sends any number of messages rather than one. */
  readonly requestStream: boolean
  readonly responseStream: boolean
}

/** All methods that there are, by the name of their handler. */
export const GRPC_METHODS = {
  exportTraces: {
    path: '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
    access: 'granted',
    requestStream: false,
    responseStream: false,
  },
  exportLogs: {
    path: '/opentelemetry.proto.collector.logs.v1.LogsService/Export',
    access: 'granted',
    requestStream: false,
    responseStream: false,
  },
  publishEvents: {
    path: '/meshtap.v1.EventService/PublishEvents',
    access: 'granted',
    requestStream: true,
    responseStream: true,
  },
  streamAccessLogs: {
    path: '/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs',
    access: 'granted',
    requestStream: true,
    responseStream: false,
  },
  checkHealth: {
    path: '/grpc.health.v1.Health/Check',
    access: 'open',
    requestStream: false,
    responseStream: false,
  },
  watchHealth: {
    path: '/grpc.health.v1.Health/Watch',
    access: 'open',
    requestStream: false,
    responseStream: true,
  },
} as const satisfies Readonly<Record<string, GrpcMethod>>

export type GrpcMethodName = keyof typeof GRPC_METHODS

const METHODS_BY_PATH: ReadonlyMap<string, GrpcMethod> = new Map(
  Object.values(GRPC_METHODS).map((method) => [method.path, method]),
)

export function methodAt(path: string): GrpcMethod {
  const method = METHODS_BY_PATH.get(path)
  if (method === undefined) throw new Error(`BUG: the method ${path} does not say who may call it`)
  return method
}

/** The methods as grpc-js wants them: a service of all. */
export const SERVICE: ServiceDefinition = Object.fromEntries(
  Object.entries(GRPC_METHODS).map(([name, method]) => [name, definitionOf(method)]),
)

function definitionOf({ path, requestStream, responseStream }: GrpcMethod): MethodDefinition<Buffer, Buffer> {
  return {
    path,
    requestStream,
    responseStream,
    requestSerialize: asIs,
    requestDeserialize: asIs,
    responseSerialize: asIs,
    responseDeserialize: asIs,
  }
}

function asIs(bytes: Buffer): Buffer {
  return bytes
}
