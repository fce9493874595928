import type { IncomingMessage } from 'node:http'
import type { Direction, Endpoint } from '../event/event.ts'
import type { Failure } from './failure.ts'
import type { Upstream } from './upstream.ts'

/** Where one request goes, and between whom. */
export interface Hop {
  readonly upstream: Upstream
  readonly source: Endpoint | undefined
  /** May become better known with the response. */
  destination: Endpoint
  /** Added to the request, or to the response, for the sidecar at the other end. */
  readonly requestHeader?: readonly [name: string, value: string]
  readonly responseHeader?: readonly [name: string, value: string]
}

/** A request that is not forwarded, and what its client is told. */
export interface Refusal {
  readonly source: Endpoint | undefined
  readonly destination: Endpoint
  readonly refusal: Failure
}

/** What the two listeners of a sidecar do differently. */
export interface Side {
  readonly direction: Direction
  /** Decides where a request goes. Called once a request. */
  admit(request: IncomingMessage, authority: string | undefined): Hop | Refusal
  /** Takes note of what the response says about the destination. */
  learn(hop: Hop, response: IncomingMessage): void
}
