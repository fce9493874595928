import type { Dictionary } from './dictionary.ts'
import { MAX_PORT } from './limits.ts'
import { decimalAt, indexOfByte, lastIndexOfByte } from './otlp-bytes.ts'
import { presenceMask } from './otlp-attributes.ts'
import type { Reporter } from './otlp-resource.ts'
import { SPAN } from './otlp-span-fields.ts'
import { ServiceHost } from './service-host.ts'
import type { SpanTexts } from './otlp-span-texts.ts'

/** Presence bits of the fields that name the other end. */
const NAMES = presenceMask(
  SPAN.sourceWorkload,
  SPAN.peerService,
  SPAN.sourceCluster,
  SPAN.peerCluster,
  SPAN.sourceNamespace,
  SPAN.peerNamespace,
  SPAN.sourcePrincipal,
  SPAN.destinationWorkload,
  SPAN.destinationService,
  SPAN.destinationCluster,
  SPAN.destinationNamespace,
  SPAN.destinationPrincipal,
  SPAN.peerPod,
  SPAN.peerKind,
)

const COLON = 0x3a
const BRACKET_OPEN = 0x5b
const BRACKET_CLOSE = 0x5d

/** Addresses of which the endpoint is kept, a power of two. */
const ADDRESSES = 32

/** The other end of a span: who asked, of an inbound one, and who was asked, of an outbound one. */
export class Peer {
  readonly #texts: SpanTexts
  readonly #host = new ServiceHost()
  #deployment = 0
  /** By the last bits of an address's symbol, the symbol and the endpoint of which only that is known. */
  readonly #addresses = new Int32Array(2 * ADDRESSES)
  /** What `#takeHost` and `#readAddress` found. */
  #service = 0
  #serviceNamespace = 0
  #ip = 0
  #port = 0

  constructor(texts: SpanTexts) {
    this.#texts = texts
  }

  begin(): void {
    this.#addresses.fill(-1)
    this.#deployment = this.#texts.symbols.intern('deployment')
  }

  /** Endpoint id of who asked; 0 where the span does not say. */
  source(dictionary: Dictionary, reporter: Reporter): number {
    const texts = this.#texts
    // The peer of the connection is what the mesh has an edge to; the client's address may be that of a browser far
    // behind it, so it counts only where the peer's is not given.
    const address = texts.hasText(SPAN.peerAddress) ? SPAN.peerAddress : SPAN.clientAddress
    this.#readAddress(address)
    if ((texts.attributes.rare & NAMES) === 0) return this.#bare(dictionary)
    const name = texts.symbol(SPAN.sourceWorkload) || texts.symbol(SPAN.peerService)
    return this.#intern(
      dictionary,
      name,
      this.#either(SPAN.sourceCluster, SPAN.peerCluster, name === 0 ? 0 : reporter.cluster),
      this.#either(SPAN.sourceNamespace, SPAN.peerNamespace, name === 0 ? 0 : reporter.namespace),
      0,
      0,
      texts.symbol(SPAN.sourcePrincipal),
    )
  }

  /**
   * Endpoint id of who was asked. `addressOfPeer` is false where the span's peer address is that of the source, as in
   * Envoy's spans of requests on their way out.
   */
  destination(dictionary: Dictionary, reporter: Reporter, addressOfPeer: boolean): number {
    const texts = this.#texts
    const peerService = texts.symbol(SPAN.peerService)
    const name = texts.symbol(SPAN.destinationWorkload) || peerService
    this.#service = 0
    this.#serviceNamespace = 0
    if (texts.hasText(SPAN.destinationService)) {
      this.#host.read(
        texts.bytes,
        texts.starts[SPAN.destinationService]!,
        texts.ends[SPAN.destinationService]!,
      )
      this.#takeHost()
    } else if (peerService !== 0) {
      this.#service = peerService
    } else {
      this.#readUpstream()
    }
    this.#ip = 0
    this.#port = 0
    if (addressOfPeer) {
      this.#readAddress(SPAN.peerAddress)
      this.#port = texts.port(SPAN.peerPort) || this.#port
    }
    const isNamed = name !== 0 || this.#service !== 0
    const inheritedNamespace = this.#serviceNamespace || (isNamed ? reporter.namespace : 0)
    return this.#intern(
      dictionary,
      name,
      this.#either(SPAN.destinationCluster, SPAN.peerCluster, isNamed ? reporter.cluster : 0),
      this.#either(SPAN.destinationNamespace, SPAN.peerNamespace, inheritedNamespace),
      this.#service,
      this.#port,
      texts.symbol(SPAN.destinationPrincipal),
    )
  }

  /** The endpoint of which only the address is known. Spans of one message come from few. */
  #bare(dictionary: Dictionary): number {
    const ip = this.#ip
    const addresses = this.#addresses
    const at = 2 * (ip & (ADDRESSES - 1))
    if (addresses[at] !== ip) {
      addresses[at + 1] = dictionary.endpoint(0, 0, 0, 0, 0, 0, ip, 0, 0)
      addresses[at] = ip
    }
    return addresses[at + 1]!
  }

  #intern(
    dictionary: Dictionary,
    name: number,
    cluster: number,
    namespace: number,
    service: number,
    port: number,
    identity: number,
  ): number {
    const texts = this.#texts
    const pod = texts.symbol(SPAN.peerPod)
    const kind = name === 0 ? 0 : texts.symbol(SPAN.peerKind) || this.#deployment
    return dictionary.endpoint(cluster, namespace, kind, name, pod, service, this.#ip, port, identity)
  }

  /** The first of two texts that is given, be it empty, else the fallback: an empty text says that there is none. */
  #either(first: number, second: number, fallback: number): number {
    const texts = this.#texts
    if (texts.isText(first)) return texts.symbol(first)
    return texts.isText(second) ? texts.symbol(second) : fallback
  }

  /** Reads `ip`, `ip:port` or `[ip]:port`. */
  #readAddress(field: number): void {
    const texts = this.#texts
    this.#ip = 0
    this.#port = 0
    if (!texts.hasText(field)) return
    const { bytes } = texts
    const { starts, ends } = texts
    const start = starts[field]!
    const end = ends[field]!
    const colon = lastIndexOfByte(bytes, start, end, COLON)
    if (colon < 0) {
      this.#ip = texts.symbol(field)
      return
    }
    const isBracketed = bytes[start] === BRACKET_OPEN
    if (isBracketed) {
      const close = indexOfByte(bytes, start, end, BRACKET_CLOSE)
      this.#ip = texts.intern(start + 1, close)
      if (colon === close + 1) this.#port = portAt(bytes, colon + 1, end)
    } else if (indexOfByte(bytes, start, end, COLON) === colon) {
      this.#ip = texts.intern(start, colon)
      this.#port = portAt(bytes, colon + 1, end)
    } else {
      this.#ip = texts.symbol(field)
    }
  }

  /** Reads the name of Envoy's upstream cluster. */
  #readUpstream(): void {
    const texts = this.#texts
    if (!texts.hasText(SPAN.upstreamCluster)) return
    this.#host.readUpstream(
      texts.bytes,
      texts.starts[SPAN.upstreamCluster]!,
      texts.ends[SPAN.upstreamCluster]!,
    )
    this.#takeHost()
  }

  #takeHost(): void {
    const texts = this.#texts
    const host = this.#host
    this.#service = texts.intern(host.nameStart, host.nameEnd)
    this.#serviceNamespace = texts.intern(host.namespaceStart, host.namespaceEnd)
  }
}

function portAt(bytes: Uint8Array, start: number, end: number): number {
  const port = decimalAt(bytes, start, end)
  return port > 0 && port <= MAX_PORT ? port : 0
}
