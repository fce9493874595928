import { Buffer } from 'node:buffer'
import type { FastifyRequest } from 'fastify'
import { Access } from '../access/access.ts'
import { AccessError } from '../access/access-error.ts'
import { bearerOf } from '../access/bearer.ts'
import type { Door } from '../access/door.ts'
import type { Identity } from '../access/identity.ts'
import type { Tickets } from '../access/tickets.ts'
import { HttpProblem } from '../http/problem.ts'
import { TokenBuckets } from '../http/token-buckets.ts'
import type { GatewayLimits } from './limits.ts'

/** How often streams are asked whether they may still be open. */
const WATCH_MS = 1000

/** Names of parameters that people put tokens into. */
const TOKEN_PARAMETERS = ['token', 'access_token', 'auth', 'authorization', 'bearer', 'jwt', 'id_token']

const TICKET_PROTOCOL = 'meshtap.ticket.'

/** The subprotocol that is agreed on where a client offers any. */
export const WEBSOCKET_PROTOCOL = 'meshtap'

export interface AdmissionOptions {
  /** Without one anyone may see everything. */
  readonly door?: Door
  readonly tickets: Tickets
  readonly limits: Pick<
    GatewayLimits,
    'requestsPerMinute' | 'guessesPerMinute' | 'streamsPerIdentity' | 'streamsPerAddress'
  >
  readonly now: () => number
}

export interface StreamEnd {
  /** Of the websocket, from the range that is the application's own. */
  readonly closeCode: number
  readonly code: string
  readonly reason: string
}

interface Stream {
  /** As it was when what is shown was last made of it. */
  access: Access
  readonly address: string
  /** What it shows, as far as that depends on who looks. Throws where it may show nothing any more. */
  readonly shows: (access: Access) => unknown
  readonly shown: string
  readonly end: (end: StreamEnd) => void
}

/** Finds out who asks, once a request, and ends streams whose viewers may not look on any more. */
export class Admission {
  readonly #options: AdmissionOptions
  readonly #access = new WeakMap<FastifyRequest, Access>()
  readonly #requests: TokenBuckets
  readonly #guesses: TokenBuckets
  readonly #streams = new Set<Stream>()
  #timer: NodeJS.Timeout | undefined

  constructor(options: AdmissionOptions) {
    this.#options = options
    this.#requests = new TokenBuckets(options.limits.requestsPerMinute, options.now)
    this.#guesses = new TokenBuckets(options.limits.guessesPerMinute, options.now)
  }

  /** Rejects with a problem where a request is not let in. */
  async admit(request: FastifyRequest): Promise<void> {
    const parameters = request.query as Readonly<Record<string, unknown>>
    const token = TOKEN_PARAMETERS.find((name) => parameters[name] !== undefined)
    if (token !== undefined) {
      throw new AccessError(
        'TOKEN_IN_URL',
        `${token} is in the URL, which ends up in logs and histories: send "Authorization: Bearer TOKEN", or for a ` +
          'websocket of a browser get a ticket from POST /api/v1/tickets; take the token for known to others',
      )
    }
    const access = await this.#identify(request)
    const waitSeconds = this.#requests.take(access.identity.kind === 'anyone' ? request.ip : access.name)
    if (waitSeconds > 0) {
      throw new HttpProblem(
        429,
        'RATE_LIMIT',
        `more than ${this.#options.limits.requestsPerMinute} requests a minute; ask again in ${waitSeconds} s`,
        { retryAfterSeconds: waitSeconds },
      )
    }
    this.#access.set(request, access)
  }

  /** What who sent a request may see. */
  accessOf(request: FastifyRequest): Access {
    const access = this.#access.get(request)
    if (access === undefined) throw new Error('BUG: a request is answered that was not admitted')
    return access
  }

  issueTicket(request: FastifyRequest): ReturnType<Tickets['issue']> {
    return this.#options.tickets.issue(this.accessOf(request).identity)
  }

  /**
   * Watches over a stream: it ends when the viewer's token expires or is withdrawn, or when what they may see is not what
   * it shows any more. Call what this returns once it has ended. Throws where the viewer has too many.
   */
  watch(
    request: FastifyRequest,
    shows: (access: Access) => unknown,
    end: (end: StreamEnd) => void,
  ): () => void {
    const access = this.accessOf(request)
    const stream: Stream = {
      access,
      address: request.ip,
      shows,
      shown: JSON.stringify(shows(access)) ?? '',
      end,
    }
    this.#checkStreams(stream)
    this.#streams.add(stream)
    this.#timer ??= setInterval(() => this.#look(), WATCH_MS).unref()
    return () => this.#forget(stream)
  }

  close(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  async #identify(request: FastifyRequest): Promise<Access> {
    const { door } = this.#options
    const ticket = ticketOf(request)
    if (door === undefined) return Access.toEverything({ kind: 'anyone' })
    try {
      if (ticket !== undefined) return door.accessOf(this.#options.tickets.redeem(ticket))
      return door.accessOf(await door.identify(bearerOf(request.headers.authorization)))
    } catch (error) {
      const isGuess = error instanceof AccessError && error.code === 'TOKEN_INVALID'
      const waitSeconds = isGuess ? this.#guesses.take(request.ip) : 0
      if (waitSeconds === 0) throw error
      throw new HttpProblem(429, 'RATE_LIMIT', 'too many tokens that are not known here; wait a moment', {
        retryAfterSeconds: waitSeconds,
      })
    }
  }

  #checkStreams({ access: { identity, name }, address }: Stream): void {
    const { streamsPerIdentity, streamsPerAddress } = this.#options.limits
    const isAnyone = identity.kind === 'anyone'
    let open = 0
    for (const stream of this.#streams) {
      if (isAnyone ? stream.address === address : isSame(stream.access.identity, identity)) open++
    }
    if (open < (isAnyone ? streamsPerAddress : streamsPerIdentity)) return
    throw new HttpProblem(
      429,
      'STREAM_LIMIT',
      `${isAnyone ? address : name} has ${open} streams open, as many as are allowed at a time`,
      { retryAfterSeconds: 5 },
    )
  }

  #look(): void {
    const { door } = this.#options
    if (door === undefined) return
    for (const stream of this.#streams) {
      const end = endOf(stream, door)
      if (end === undefined) continue
      this.#forget(stream)
      stream.end(end)
    }
  }

  #forget(stream: Stream): void {
    this.#streams.delete(stream)
    if (this.#streams.size === 0) this.close()
  }
}

function endOf(stream: Stream, door: Door): StreamEnd | undefined {
  const { shows, shown } = stream
  try {
    const access = door.accessOf(stream.access.identity)
    // Patterns are compiled to say what is shown: not each second for each stream.
    if (access.hasGrantsOf(stream.access)) return undefined
    if ((JSON.stringify(shows(access)) ?? '') !== shown)
      return { closeCode: 4403, code: 'GRANT_CHANGED', reason: 'what you may see has changed; connect again' }
    stream.access = access
    return undefined
  } catch (error) {
    if (!(error instanceof AccessError)) throw error
    const { code, message } = error
    return { closeCode: code === 'NOT_GRANTED' ? 4403 : 4401, code, reason: closeReason(message) }
  }
}

/** Most bytes of the reason in a close frame (RFC 6455, section 5.5). */
const MAX_REASON = 123

/** A websocket that is closed with a longer one throws. */
function closeReason(message: string): string {
  const bytes = Buffer.from(message)
  if (bytes.length <= MAX_REASON) return message
  // A character that is cut in two is left out.
  return `${new TextDecoder().decode(bytes.subarray(0, MAX_REASON - 3), { stream: true })}...`
}

/** The ticket of a websocket, in its URL or among the protocols that it offers. */
function ticketOf(request: FastifyRequest): string | undefined {
  if (!request.ws) return undefined
  const { ticket } = request.query as Readonly<Record<string, unknown>>
  if (typeof ticket === 'string') return ticket
  return (request.headers['sec-websocket-protocol'] ?? '')
    .split(',')
    .map((protocol) => protocol.trim())
    .find((protocol) => protocol.startsWith(TICKET_PROTOCOL))
    ?.slice(TICKET_PROTOCOL.length)
}

function isSame(a: Identity, b: Identity): boolean {
  return a.kind !== 'anyone' && b.kind !== 'anyone' && a.kind === b.kind && a.subject === b.subject
}
