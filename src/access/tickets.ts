import { Buffer } from 'node:buffer'
import { createHmac, randomUUID, timingSafeEqual } from 'node:crypto'
import { AccessError } from './access-error.ts'
import { ALLOWANCES, type Grant } from './grant.ts'
import { grantsOfClaim } from './grant-reader.ts'
import type { Identity } from './identity.ts'

/** How long a ticket is good. */
export const TICKET_MS = 30_000

/** Longest ticket, characters: it is part of a URL. */
const MAX_LENGTH = 4096

const DEFAULT_MAX_USED = 10_000

export interface TicketsOptions {
  /** What tickets are signed with: those of another office with the same secret are taken. */
  readonly secret: string | Uint8Array
  /** Epoch milliseconds. */
  readonly now: () => number
  /** Used tickets remembered until they expire; beyond them none is taken. */
  readonly maxUsed?: number
}

export interface Ticket {
  readonly text: string
  /** Epoch milliseconds. */
  readonly expiresMs: number
}

/**
 * Changes a token for a ticket, which opens one websocket: browsers cannot send a header with it, and a URL is no place
 * for a token, as it ends up in logs and histories.
 *
 * A ticket says whose it is and is signed, so that any gateway with the same secret takes it; which were used, each
 * remembers for itself.
 */
export class Tickets {
  readonly #options: TicketsOptions
  /** By id: when they expire. In the order of their use. */
  readonly #used = new Map<string, number>()

  constructor(options: TicketsOptions) {
    this.#options = options
  }

  issue(identity: Identity): Ticket {
    const expiresMs = this.#options.now() + TICKET_MS
    const body = Buffer.from(JSON.stringify([randomUUID(), expiresMs, written(identity)])).toString(
      'base64url',
    )
    const text = `${body}.${this.#signature(body)}`
    if (text.length <= MAX_LENGTH) return { text, expiresMs }
    throw new AccessError(
      'TICKET_LIMIT',
      'the token says too much for a ticket: it has too many groups or grants',
    )
  }

  /** Whose a ticket is, once. Throws an AccessError. */
  redeem(text: string): Identity {
    const [body = '', signature = ''] = text.split('.')
    const [id, expiresMs, identity] = this.#read(body, signature)
    const nowMs = this.#options.now()
    if (expiresMs <= nowMs)
      throw new AccessError(
        'TOKEN_EXPIRED',
        `the ticket has expired, as it does after ${TICKET_MS / 1000} s; get a new one`,
      )
    this.#forgetExpired(nowMs)
    if (this.#used.has(id))
      throw new AccessError('TOKEN_INVALID', 'the ticket was used already; get a new one')
    const { maxUsed = DEFAULT_MAX_USED } = this.#options
    if (this.#used.size >= maxUsed)
      throw new AccessError('TICKET_LIMIT', 'too many tickets were used of late; try again in a moment')
    this.#used.set(id, expiresMs)
    return identity
  }

  #read(body: string, signature: string): readonly [string, number, Identity] {
    const [given, wanted] = [Buffer.from(signature), Buffer.from(this.#signature(body))]
    if (given.length !== wanted.length || !timingSafeEqual(given, wanted))
      throw new AccessError('TOKEN_INVALID', 'the ticket is none that is taken here')
    const [id, expiresMs, identity] = JSON.parse(Buffer.from(body, 'base64url').toString()) as Written
    return [id, expiresMs, readIdentity(identity)]
  }

  #signature(body: string): string {
    return createHmac('sha256', this.#options.secret).update(`meshtap ticket 1\n${body}`).digest('base64url')
  }

  /** Those used last expire last, give or take what is still to come: none is forgotten too early. */
  #forgetExpired(nowMs: number): void {
    for (const [id, expiresMs] of this.#used) if (expiresMs <= nowMs) this.#used.delete(id)
  }
}

type WrittenIdentity = Readonly<Record<string, unknown>>

/** What was signed is of the form that this office writes. */
type Written = readonly [id: string, expiresMs: number, identity: WrittenIdentity]

function written(identity: Identity): WrittenIdentity {
  return identity.kind === 'jwt'
    ? { ...identity, claimed: identity.claimed.map(writtenGrant) }
    : { ...identity }
}

function writtenGrant({ clusters, namespaces, allow }: Grant): object {
  return { clusters, namespaces, allow: ALLOWANCES.filter((word) => allow.has(word)) }
}

function readIdentity(identity: WrittenIdentity): Identity {
  const read = identity as unknown as Identity
  return read.kind === 'jwt' ? { ...read, claimed: grantsOfClaim(identity['claimed']) } : read
}
