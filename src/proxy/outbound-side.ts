import type { IncomingMessage } from 'node:http'
import type { Endpoint } from '../event/event.ts'
import type { ConnectionTracker } from './connection-tracker.ts'
import { endpointOfAuthority } from '../reporter/authority.ts'
import type { Failure } from './failure.ts'
import { DESTINATION_HEADER, formatPeer, PeerReader, SOURCE_HEADER } from './peer-header.ts'
import type { RouteTable } from './route-table.ts'
import type { Hop, Refusal, Side } from './side.ts'

export interface OutboundSideOptions {
  readonly workload: Endpoint
  readonly routes: RouteTable
  /** What requests go to where no sidecar says so and the authority does not tell. */
  readonly destination: Endpoint | undefined
  readonly connections: ConnectionTracker
}

/** Between its workload and others: where a request goes is said by its authority. */
export class OutboundSide implements Side {
  readonly direction = 'outbound'
  readonly #options: OutboundSideOptions
  readonly #peers = new PeerReader()
  readonly #requestHeader: readonly [string, string]

  constructor(options: OutboundSideOptions) {
    this.#options = options
    this.#requestHeader = [SOURCE_HEADER, formatPeer(options.workload)]
  }

  admit(request: IncomingMessage, authority: string | undefined): Hop | Refusal {
    const { workload, routes } = this.#options
    const upstream = routes.find(authority)
    const destination = upstream?.identity ?? this.#named(authority)
    const refusal =
      request.headers[SOURCE_HEADER] === undefined
        ? upstream === undefined && noRoute(authority, routes)
        : LOOP
    if (refusal || upstream === undefined) {
      return { source: workload, destination, refusal: refusal || noRoute(authority, routes) }
    }
    return { upstream, source: workload, destination, requestHeader: this.#requestHeader }
  }

  learn(hop: Hop, response: IncomingMessage): void {
    const identity = this.#peers.read(response.headers[DESTINATION_HEADER])
    if (identity === undefined) return
    hop.upstream.identity = identity
    hop.destination = identity
    this.#options.connections.attribute(response.socket, identity)
  }

  #named(authority: string | undefined): Endpoint {
    return this.#options.destination ?? endpointOfAuthority(authority, this.#options.workload)
  }
}

const LOOP: Failure = {
  status: 508,
  reason: 'loop',
  message: 'this request went through an outbound sidecar already: a route leads back to one',
}

function noRoute(authority: string | undefined, routes: RouteTable): Failure {
  const name = authority ?? 'no host'
  const known = routes.authorities.join(', ')
  return {
    status: 502,
    reason: 'no-route',
    message: `no route leads to ${name}; there are routes to ${known || 'nothing'}`,
  }
}
