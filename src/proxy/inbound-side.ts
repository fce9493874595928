import type { IncomingMessage } from 'node:http'
import type { Endpoint } from '../event/event.ts'
import type { ConnectionTracker } from './connection-tracker.ts'
import { DESTINATION_HEADER, formatPeer, PeerReader, SOURCE_HEADER } from './peer-header.ts'
import type { Hop, Side } from './side.ts'
import type { Upstream } from './upstream.ts'

export interface InboundSideOptions {
  readonly workload: Endpoint
  readonly upstream: Upstream
  /** Who sends the requests that do not come through a sidecar. */
  readonly source: Endpoint | undefined
  readonly connections: ConnectionTracker
}

/** In front of its workload: everything goes there, and who sent it is said by the sender's sidecar, if by anyone. */
export class InboundSide implements Side {
  readonly direction = 'inbound'
  readonly #options: InboundSideOptions
  readonly #peers = new PeerReader()
  readonly #responseHeader: readonly [string, string]

  constructor(options: InboundSideOptions) {
    this.#options = options
    this.#responseHeader = [DESTINATION_HEADER, formatPeer(options.workload)]
  }

  admit(request: IncomingMessage): Hop {
    const { workload, upstream, source, connections } = this.#options
    const peer = this.#peers.read(request.headers[SOURCE_HEADER])
    if (peer !== undefined) connections.attribute(request.socket, peer)
    return {
      upstream,
      source: peer ?? source ?? addressOf(request),
      destination: workload,
      ...(peer === undefined ? {} : { responseHeader: this.#responseHeader }),
    }
  }

  learn(): void {}
}

/** Without the port, which would make every connection a source of its own. */
function addressOf(request: IncomingMessage): Endpoint | undefined {
  const ip = request.socket.remoteAddress
  return ip === undefined ? undefined : { ip: ip.replace(/^::ffff:/, '') }
}
