import type { Endpoint } from '../event/event.ts'

/**
 * Headers by which two sidecars tell each other who they are: the outbound one names the source in the request, the
 * inbound one the destination in the response. Each is taken off before the message reaches the application.
 *
 * They are not authenticated: whoever can reach an inbound sidecar can name any source.
 */
export const SOURCE_HEADER = 'meshtap-source'
export const DESTINATION_HEADER = 'meshtap-destination'

const FIELDS = ['cluster', 'namespace', 'kind', 'name', 'pod', 'service'] as const

/** Longest value that is read; the names of Kubernetes need half of it. */
const MAX_LENGTH = 2048

/** `cluster/namespace/kind/name/pod/service`, each part percent-encoded, empty where unknown. */
export function formatPeer(endpoint: Endpoint): string {
  return FIELDS.map((field) => encodeURIComponent(endpoint[field] ?? '')).join('/')
}

/** Undefined where the value is none that `formatPeer` makes. */
export function parsePeer(text: string): Endpoint | undefined {
  const parts = text.split('/')
  if (text.length > MAX_LENGTH || parts.length !== FIELDS.length) return undefined
  const endpoint: { -readonly [F in keyof Endpoint]: Endpoint[F] } = {}
  try {
    for (const [i, field] of FIELDS.entries())
      if (parts[i] !== '') endpoint[field] = decodeURIComponent(parts[i]!)
  } catch {
    return undefined
  }
  return endpoint.name === undefined ? undefined : endpoint
}

/** Distinct peers remembered; beyond it the memory starts over. */
const REMEMBERED = 1024

/** Parses peers, each distinct one once. */
export class PeerReader {
  readonly #known = new Map<string, Endpoint>()

  /** Of a header given more than once, or none that can be read, undefined. */
  read(header: string | readonly string[] | undefined): Endpoint | undefined {
    if (typeof header !== 'string') return undefined
    const known = this.#known.get(header)
    if (known !== undefined) return known
    const peer = parsePeer(header)
    if (peer === undefined) return undefined
    if (this.#known.size >= REMEMBERED) this.#known.clear()
    this.#known.set(header, peer)
    return peer
  }
}
