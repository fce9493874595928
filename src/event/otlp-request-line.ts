import { presenceMask } from './otlp-attributes.ts'
import { hasPrefix, indexOfByte, TextPieces } from './otlp-bytes.ts'
import { HTTP_NAME_WORDS } from './otlp-conventions.ts'
import { SPAN } from './otlp-span-fields.ts'
import type { SpanTexts } from './otlp-span-texts.ts'
import { UrlRanges } from './otlp-url.ts'

const encoder = new TextEncoder()
/** RPC systems whose calls are HTTP requests with the method POST. */
const HTTP_RPC_SYSTEMS = ['grpc', 'connect_rpc'].map((name) => encoder.encode(name))
const NAME_WORDS = HTTP_NAME_WORDS.map((word) => encoder.encode(word))

/** Presence bits of what is looked at only where it is there. */
const URL = presenceMask(SPAN.url)
const QUERY = presenceMask(SPAN.query)

const SPACE = 0x20
const SLASH = 0x2f
const COLON = 0x3a
const QUESTION = 0x3f
const BRACKET_OPEN = 0x5b
const BRACKET_CLOSE = 0x5d

/** What was asked of whom: method, scheme, authority, path and route of a span, as symbols. */
export class RequestLine {
  method = 0
  scheme = 0
  authority = 0
  path = 0
  route = 0
  /** Whether the scheme is https. */
  https = false

  readonly #texts: SpanTexts
  readonly #url = new UrlRanges()
  readonly #pieces = new TextPieces()
  /** The authority last put together, and what of. */
  #lastHost = 0
  #lastPort = 0
  #lastAuthority = 0
  #httpsSymbol = 0

  constructor(texts: SpanTexts) {
    this.#texts = texts
  }

  begin(): void {
    this.#lastPort = 0
    this.#httpsSymbol = this.#texts.symbols.intern('https')
  }

  read(): void {
    const texts = this.#texts
    const { common } = texts.attributes
    const hasUrl = (common & URL) !== 0 && texts.hasText(SPAN.url)
    if (hasUrl) this.#url.parse(texts.bytes, texts.starts[SPAN.url]!, texts.ends[SPAN.url]!)
    this.method = texts.symbol(SPAN.method)
    this.scheme = texts.symbol(SPAN.scheme)
    if (this.scheme === 0 && hasUrl)
      this.scheme = this.#texts.intern(this.#url.schemeStart, this.#url.schemeEnd)
    this.https = this.scheme === this.#httpsSymbol
    this.authority = texts.hasText(SPAN.serverAddress)
      ? this.#hostAndPort(SPAN.serverAddress, SPAN.serverPort)
      : this.#otherAuthority(hasUrl)
    if (!texts.hasText(SPAN.path)) this.path = this.#otherPath(hasUrl)
    else if ((common & QUERY) !== 0) this.path = this.#pathAndQuery()
    else this.path = texts.intern(texts.starts[SPAN.path]!, texts.ends[SPAN.path]!)
    this.route = texts.symbol(SPAN.route)
    if (this.route === 0 && this.path === 0) this.route = this.#routeFromName()
  }

  #otherAuthority(hasUrl: boolean): number {
    const texts = this.#texts
    const { outbound } = texts.fields
    // Of a client's span, `net.host.name` is the client's own host.
    if (!outbound && texts.hasText(SPAN.hostName)) return this.#hostAndPort(SPAN.hostName, SPAN.hostPort)
    if (texts.hasText(SPAN.host)) return texts.symbol(SPAN.host)
    if (hasUrl && this.#url.hostEnd > this.#url.hostStart)
      return this.#texts.intern(this.#url.hostStart, this.#url.hostEnd)
    if (outbound && texts.hasText(SPAN.peerName)) return this.#hostAndPort(SPAN.peerName, SPAN.peerNamePort)
    return 0
  }

  /** `host:port`, or the host alone where no port is given or the host already has one. */
  #hostAndPort(hostField: number, portField: number): number {
    const texts = this.#texts
    const port = texts.port(portField)
    const host = texts.symbol(hostField)
    if (port === 0) return host
    if (host !== this.#lastHost || port !== this.#lastPort) {
      this.#lastAuthority = this.#joined(texts.starts[hostField]!, texts.ends[hostField]!, port)
      this.#lastHost = host
      this.#lastPort = port
    }
    return this.#lastAuthority
  }

  #joined(start: number, end: number, port: number): number {
    const { bytes, view } = this.#texts
    const pieces = this.#pieces
    const firstColon = indexOfByte(bytes, start, end, COLON)
    const isBareIpv6 = bytes[start] !== BRACKET_OPEN && indexOfByte(bytes, firstColon + 1, end, COLON) < end
    const hasPort = firstColon < end && !isBareIpv6 && bytes[end - 1] !== BRACKET_CLOSE
    pieces.clear()
    if (isBareIpv6) pieces.byte(BRACKET_OPEN)
    pieces.range(view, start, end)
    if (isBareIpv6) pieces.byte(BRACKET_CLOSE)
    if (!hasPort) {
      pieces.byte(COLON)
      pieces.decimal(port)
    }
    return this.#internPieces()
  }

  /** `url.path`, and `url.query` where there is one. */
  #pathAndQuery(): number {
    const texts = this.#texts
    const start = texts.starts[SPAN.path]!
    const end = texts.ends[SPAN.path]!
    if (!texts.hasText(SPAN.query)) return this.#texts.intern(start, end)
    const pieces = this.#pieces
    pieces.clear()
    pieces.range(texts.view, start, end)
    pieces.byte(QUESTION)
    pieces.range(texts.view, texts.starts[SPAN.query]!, texts.ends[SPAN.query]!)
    return this.#internPieces()
  }

  /** The path of a whole URL or of a request's target, which carry the query themselves; else that of an RPC. */
  #otherPath(hasUrl: boolean): number {
    const texts = this.#texts
    const url = this.#url
    const isUrl = hasUrl && (url.schemeEnd > url.schemeStart || texts.bytes[url.pathStart] === SLASH)
    if (!isUrl) {
      if (!texts.hasText(SPAN.target)) return this.#rpcPath()
      // A request to a proxy has a whole URL as its target.
      url.parse(texts.bytes, texts.starts[SPAN.target]!, texts.ends[SPAN.target]!)
    }
    const start = url.pathStart
    const end = url.pathEnd
    const addsSlash = end === start || texts.bytes[start] === QUESTION
    const addsQuery = texts.hasText(SPAN.query) && indexOfByte(texts.bytes, start, end, QUESTION) === end
    if (!addsSlash && !addsQuery) return this.#texts.intern(start, end)
    const pieces = this.#pieces
    pieces.clear()
    if (addsSlash) pieces.byte(SLASH)
    pieces.range(texts.view, start, end)
    if (addsQuery) {
      pieces.byte(QUESTION)
      pieces.range(texts.view, texts.starts[SPAN.query]!, texts.ends[SPAN.query]!)
    }
    return this.#internPieces()
  }

  /** `/service/method` of a call that names no path. Its method is POST where its system is one over HTTP. */
  #rpcPath(): number {
    const texts = this.#texts
    const { bytes, starts, ends } = texts
    if (!texts.hasText(SPAN.rpcMethod)) return 0
    if (this.method === 0 && this.#isHttpRpc()) this.method = texts.symbols.intern('POST')
    const start = starts[SPAN.rpcMethod]!
    const end = ends[SPAN.rpcMethod]!
    const isFull = indexOfByte(bytes, start, end, SLASH) < end
    const pieces = this.#pieces
    pieces.clear()
    if (!isFull && texts.hasText(SPAN.rpcService)) {
      pieces.byte(SLASH)
      pieces.range(texts.view, starts[SPAN.rpcService]!, ends[SPAN.rpcService]!)
    }
    if (bytes[start] !== SLASH) pieces.byte(SLASH)
    pieces.range(texts.view, start, end)
    return this.#internPieces()
  }

  /** Whether a call goes over HTTP; one that names no system is taken for one. */
  #isHttpRpc(): boolean {
    const { bytes, starts, ends } = this.#texts
    const system = SPAN.rpcSystem
    if (!this.#texts.hasText(system)) return true
    return startsWithWord(bytes, starts[system]!, ends[system]!, HTTP_RPC_SYSTEMS)
  }

  /** The span's name, unless it names a method or a path. Envoy's names are `ingress` and `egress HOST`. */
  #routeFromName(): number {
    const { bytes, fields } = this.#texts
    const { nameStart, nameEnd } = fields
    if (fields.fromEnvoy) return 0
    if (indexOfByte(bytes, nameStart, nameEnd, SLASH) < nameEnd) return 0
    if (startsWithWord(bytes, nameStart, nameEnd, NAME_WORDS)) return 0
    return this.#texts.intern(nameStart, nameEnd)
  }

  #internPieces(): number {
    const { bytes, length, view } = this.#pieces
    return this.#texts.symbols.internBytes(bytes, 0, length, view)
  }
}

/** Whether `bytes[start, end)` is one of the words, or begins with one and a space. */
function startsWithWord(
  bytes: Uint8Array,
  start: number,
  end: number,
  words: readonly Uint8Array[],
): boolean {
  for (const word of words) {
    const at = start + word.length
    if (hasPrefix(bytes, start, end, word) && (at === end || bytes[at] === SPACE)) return true
  }
  return false
}
