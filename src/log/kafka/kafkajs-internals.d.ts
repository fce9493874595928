/**
 * What this adapter takes of kafkajs: its connection (sockets, TLS, SASL, request queue) and its encoders of the
 * protocol. They are not its public interface; the dependency's version is pinned exactly.
 */

declare module 'kafkajs/src/network/connection.js' {
  import type { Socket } from 'node:net'

  interface ProtocolRequest {
    readonly request: {
      readonly apiKey: number
      readonly apiVersion: number
      readonly apiName: string
      readonly expectResponse?: () => boolean
      encode(): Promise<{ readonly buf: Buffer; readonly buffer: Buffer; size(): number }>
    }
    readonly response: {
      readonly decode: (payload: Buffer) => Promise<unknown>
      readonly parse: (decoded: unknown) => Promise<unknown>
    }
    readonly requestTimeout?: number
    readonly logResponseError?: boolean
  }

  class Connection {
    constructor(options: {
      host: string
      port: number
      logger: unknown
      socketFactory: (to: { host: string; port: number; ssl: unknown; onConnect: () => void }) => Socket
      enforceRequestTimeout: boolean
      connectionTimeout: number
      clientId: string
      ssl: unknown
      sasl: unknown
    })
    readonly requestQueue: object
    /** What came and was not processed yet. */
    chunks: Buffer[]
    processData(chunk: Buffer): void
    connect(): Promise<unknown>
    disconnect(): Promise<unknown>
    isConnected(): boolean
    authenticate(): Promise<void>
    setVersions(versions: Record<number, { minVersion: number; maxVersion: number }>): void
    setSupportAuthenticationProtocol(isSupported: boolean): void
    send(request: ProtocolRequest): Promise<unknown>
  }

  namespace Connection {
    export type { ProtocolRequest }
  }
  export = Connection
}

declare module 'kafkajs/src/protocol/requests/index.js' {
  import type { ProtocolRequest } from 'kafkajs/src/network/connection.js'

  interface RequestDefinition {
    readonly versions: readonly string[]
    protocol(of: { version: number }): (payload: object) => ProtocolRequest
  }
  const protocol: { readonly requests: Readonly<Record<string, RequestDefinition>> }
  export = protocol
}

declare module 'kafkajs/src/protocol/requests/apiKeys.js' {
  const apiKeys: Readonly<Record<string, number>>
  export = apiKeys
}

declare module 'kafkajs/src/protocol/error.js' {
  const errors: {
    createErrorFromCode(code: number): Error & { readonly type: string; readonly code: number }
  }
  export = errors
}

declare module 'kafkajs/src/consumer/assignerProtocol.js' {
  const protocol: {
    readonly MemberMetadata: {
      encode(of: { version: number; topics: readonly string[]; userData: Buffer }): Buffer
      decode(bytes: Buffer): { version: number; topics: string[]; userData: Buffer | null }
    }
    readonly MemberAssignment: {
      encode(of: {
        version: number
        assignment: Record<string, readonly number[]>
        userData?: Buffer
      }): Buffer
      decode(bytes: Buffer): { version: number; assignment: Record<string, number[]> } | null
    }
  }
  export = protocol
}
