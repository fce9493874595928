import { connect as connectTcp, isIP, type OnReadOpts, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import Connection from 'kafkajs/src/network/connection.js'
import apiKeys from 'kafkajs/src/protocol/requests/apiKeys.js'
import protocol from 'kafkajs/src/protocol/requests/index.js'
import { AnswerFrames } from './answer-frames.ts'
import type { BrokerAddress, KafkaConnection } from './kafka-connection.ts'
import type { ReusableMemory } from './reusable-memory.ts'

const CONNECT_MS = 3_000
const KEEP_ALIVE_MS = 30_000

/** Of what is read from a socket at once. */
const READ_BYTES = 131_072

/** Of connecting and logging in. */
const READY_MS = 10_000

/** What a broker must at least speak: brokers of Kafka 2.3 and later do. */
const NEEDED: Readonly<Record<string, number>> = {
  Produce: 7,
  Fetch: 11,
  JoinGroup: 5,
  ListOffsets: 3,
  Metadata: 6,
}

type Versions = Record<number, { minVersion: number; maxVersion: number }>

/**
 * One connection to one broker. A broker answers the requests of a connection one after the other, so what may wait
 * long (a fetch, a join) has one of its own. It is made when first used; when it breaks, its requests reject and it is
 * of no more use: kafkajs keeps the rest of a broken answer when it connects again.
 */
export class BrokerConnection {
  readonly address: BrokerAddress
  readonly #connection: Connection
  #socket: Socket | undefined
  #ready: Promise<Versions> | undefined
  #isClosed = false
  /** Reject what is under way. */
  readonly #pending = new Set<(error: Error) => void>()

  constructor(address: BrokerAddress, { clientId, tls, sasl }: KafkaConnection, memory: ReusableMemory) {
    this.address = address
    this.#connection = new Connection({
      ...address,
      clientId,
      logger: SILENT,
      enforceRequestTimeout: false,
      connectionTimeout: CONNECT_MS,
      ssl: tls ?? null,
      sasl: saslOf(sasl),
      socketFactory: ({ host, port, onConnect }) => {
        const server = isIP(host) === 0 ? { servername: host } : {}
        // Types lack `onread` of TLS, whose sockets take it as any does.
        const to = { host, port, onread: this.#reading(memory) }
        this.#socket =
          tls === undefined ? connectTcp(to, onConnect) : connectTls({ ...to, ...server, ...tls }, onConnect)
        this.#socket.once('close', () => this.close())
        return this.#socket.setKeepAlive(true, KEEP_ALIVE_MS).setNoDelay(true)
      },
    })
    // From its first answer on kafkajs would look every millisecond whether requests wait because the broker asked for
    // less of them. Brokers that do so read no further from the connection meanwhile, so none need to wait here.
    Object.assign(this.#connection.requestQueue, { maybeThrottle() {}, scheduleCheckPendingRequests() {} })
  }

  /** Whether it can still be used: it was not connected yet, or is. */
  get isUsable(): boolean {
    return !this.#isClosed && (this.#ready === undefined || this.#socket?.destroyed !== true)
  }

  /**
   * Sends a request of kafkajs in the highest version that both sides know. Rejects with the broker's error, or with
   * one of the connection, which is closed then.
   */
  async request<T>(api: string, payload: object, timeoutMs: number): Promise<T> {
    const versions = await this.#connected()
    const definition = protocol.requests[api]!
    const version = Math.min(
      versions[apiKeys[api]!]!.maxVersion,
      Math.max(...definition.versions.map(Number)),
    )
    return this.#send<T>(definition.protocol({ version })(payload), timeoutMs)
  }

  /** Sends a request of our own making. */
  async send<T>(request: Connection.ProtocolRequest, timeoutMs: number): Promise<T> {
    await this.#connected()
    return this.#send<T>(request, timeoutMs)
  }

  /** Breaks it off: what is under way rejects, with the reason where there is one. */
  close(reason: unknown = new Error('the connection was closed')): void {
    this.#isClosed = true
    const error = reason instanceof Error ? reason : new Error(String(reason))
    this.#socket?.destroy(error)
    for (const reject of this.#pending) reject(error)
  }

  /**
   * Gives kafkajs its answers whole, out of one buffer that the socket reads into: else each read is a new one, and a long
   * answer, put together of hundreds, one more.
   */
  #reading(memory: ReusableMemory): OnReadOpts {
    const frames = new AnswerFrames(memory, (answer) => {
      // An empty rest of the last answer, with which it would be concatenated.
      this.#connection.chunks = []
      this.#connection.processData(answer)
    })
    const buffer = Buffer.allocUnsafeSlow(READ_BYTES)
    const callback = (bytes: number) => {
      try {
        frames.push(buffer.subarray(0, bytes))
      } catch (error) {
        this.close(error)
      }
      return true
    }
    return { buffer, callback }
  }

  async #send<T>(request: Connection.ProtocolRequest, timeoutMs: number): Promise<T> {
    try {
      return (await this.#settled(this.#connection.send(request), timeoutMs)) as T
    } catch (error) {
      if (!isAnswer(error)) this.close(error)
      throw error
    }
  }

  /**
   * What kafkajs promises, or a rejection when the connection breaks or the time is over: a request that is made while
   * the broker closes the connection, or a login that is cut off, kafkajs leaves open for ever.
   */
  #settled<T>(work: Promise<T>, timeoutMs: number): Promise<T> {
    return new Promise((resolve, reject) => {
      const settle = () => {
        clearTimeout(timer)
        this.#pending.delete(fail)
      }
      const fail = (error: Error) => {
        settle()
        reject(error)
      }
      const { host, port } = this.address
      const late = () => fail(new Error(`the broker ${host}:${port} did not answer within ${timeoutMs} ms`))
      const timer = setTimeout(late, timeoutMs)
      this.#pending.add(fail)
      work.finally(settle).then(resolve, reject)
    })
  }

  #connected(): Promise<Versions> {
    if (this.#isClosed) throw new Error('the connection is closed')
    this.#ready ??= this.#connect()
    return this.#ready
  }

  async #connect(): Promise<Versions> {
    const { host, port } = this.address
    try {
      return await this.#settled(this.#logIn(), READY_MS)
    } catch (error) {
      this.close()
      const { message } = error as Error
      throw new Error(`cannot use the broker ${host}:${port}: ${message}`, { cause: error })
    }
  }

  async #logIn(): Promise<Versions> {
    await this.#connection.connect()
    const asked = protocol.requests['ApiVersions']!.protocol({ version: 2 })({})
    const { apiVersions } = await this.#send<{
      readonly apiVersions: readonly { apiKey: number; minVersion: number; maxVersion: number }[]
    }>(asked, CONNECT_MS)
    const versions: Versions = Object.fromEntries(apiVersions.map(({ apiKey, ...range }) => [apiKey, range]))
    for (const [api, needed] of Object.entries(NEEDED)) {
      const { minVersion = 0, maxVersion = -1 } = versions[apiKeys[api]!] ?? {}
      if (minVersion <= needed && needed <= maxVersion) continue
      throw new Error(
        `it knows ${api} of versions ${minVersion} to ${maxVersion}, not ${needed}; Kafka 2.3 and later do`,
      )
    }
    this.#connection.setVersions(versions)
    this.#connection.setSupportAuthenticationProtocol(versions[apiKeys['SaslAuthenticate']!] !== undefined)
    await this.#connection.authenticate()
    return versions
  }
}

/** Whether an error is what a broker answered, rather than there being no answer. */
function isAnswer(error: unknown): boolean {
  return (
    error instanceof Error &&
    (error.name === 'KafkaJSProtocolError' || error.name === 'KafkaJSMemberIdRequired')
  )
}

interface SaslExchange {
  readonly saslAuthenticate: (of: {
    request: { encode: () => Promise<Buffer> }
    response: { decode: (answer: Buffer) => Promise<Buffer>; parse: (answer: Buffer) => Promise<void> }
  }) => Promise<void>
}

function saslOf(sasl: KafkaConnection['sasl']): unknown {
  // A copy, for kafkajs writes into it.
  if (sasl?.mechanism !== 'oauthbearer') return sasl === undefined ? null : { ...sasl }
  return {
    mechanism: sasl.mechanism,
    authenticationProvider: ({ saslAuthenticate }: SaslExchange) => ({
      authenticate: async () => {
        const message = Buffer.from(`n,,\u0001auth=Bearer ${await sasl.token()}\u0001\u0001`)
        const length = Buffer.alloc(4)
        length.writeInt32BE(message.length)
        await saslAuthenticate({
          request: { encode: async () => Buffer.concat([length, message]) },
          response: { decode: async (answer) => answer, parse: checkBearer },
        })
      },
    }),
  }
}

/** A token that is refused is answered with why (RFC 7628, 3.2.2), which kafkajs takes for a yes. */
async function checkBearer(answer: Buffer): Promise<void> {
  if (answer.length > 4)
    throw new Error(`SASL OAUTHBEARER authentication failed: ${answer.toString('utf8', 4)}`)
}

const SILENT = {
  namespace: () => SILENT,
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
}
