import { type AlsEntry, TEXT } from './als-entry.ts'
import { HEADER_STRIDE, RESPONSE_SIDE } from './header-ranges.ts'
import { AlsOutcomes, hasDetails } from './als-outcome.ts'
import { type AlsReporter, UNKNOWN_REPORTER } from './als-reporter.ts'
import { FLAG_OUTBOUND, FLAG_TLS, FLAG_TLS_KNOWN } from './dictionary.ts'
import { type EventColumns, TRACE_BYTES } from './event-columns.ts'
import { MAX_LATENCY_MICROS, MAX_PORT, MAX_RECORD_EVENTS, MAX_TIME_MS } from './limits.ts'
import { hasPrefix, TextPieces } from './otlp-bytes.ts'
import { ServiceHost } from './service-host.ts'
import { readB3, readTraceparent } from './trace-context.ts'

const encoder = new TextEncoder()
const INBOUND_CLUSTER = encoder.encode('inbound|')
const OUTBOUND_CLUSTER = encoder.encode('outbound|')

/** Headers that hold what an event has no field for, by the names that Envoy gives them elsewhere. */
const DETAILS_HEADER = 'x-envoy-response-code-details'
const ATTEMPTS_HEADER = 'x-envoy-attempt-count'

/** Names of `RequestMethod`. */
const METHODS = ['', 'GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH']

/** Types of entries that are written when a stream or a connection has ended; 0 where Envoy does not say. */
const TCP_END = 3
const HTTP_END = 6

/** Why an entry cannot become an event. */
export type AlsFault = 'time-missing' | 'out-of-range' | 'too-many'

export const ALS_FAULT_MESSAGES: Readonly<Record<AlsFault, string>> = {
  'time-missing': 'an entry needs common_properties.start_time',
  'out-of-range': `an entry's time is not within 0 and ${MAX_TIME_MS} ms, or it lasts longer than ${MAX_LATENCY_MICROS} µs`,
  'too-many': `more than ${MAX_RECORD_EVENTS} entries in one record: send smaller ones`,
}

/** Makes events of entries of access logs. `docs/envoy.md` has the table. */
export class AlsMapping {
  readonly #entry: AlsEntry
  readonly #outcomes = new AlsOutcomes()
  readonly #host = new ServiceHost()
  readonly #pieces = new TextPieces()
  readonly #trace = new Uint8Array(TRACE_BYTES)
  #columns: EventColumns | undefined
  #bytes: Uint8Array = new Uint8Array(0)
  #view = new DataView(this.#bytes.buffer)
  #reporter = UNKNOWN_REPORTER

  constructor(entry: AlsEntry) {
    this.#entry = entry
  }

  begin(bytes: Uint8Array, view: DataView, columns: EventColumns | undefined): void {
    this.#bytes = bytes
    this.#view = view
    this.#columns = columns
    this.#reporter = UNKNOWN_REPORTER
    this.#entry.begin(bytes, view, columns?.dictionary.symbols)
  }

  /** Who reports the entries to come. */
  reporter(reporter: AlsReporter): void {
    this.#reporter = reporter
  }

  /** Appends the request of the entry, or counts it as skipped: what is told before the end is told again then. */
  http(): AlsFault | undefined {
    const entry = this.#entry
    const columns = this.#columns!
    if (entry.isIntermediate || (entry.logType !== 0 && entry.logType !== HTTP_END)) {
      columns.skipped++
      return undefined
    }
    const fault = this.#faultOf(columns.requests)
    if (fault !== undefined) return fault
    const { dictionary } = columns
    const index = columns.addRequest(
      this.#flow(
        entry.symbol(TEXT.authority),
        dictionary.symbols.intern(METHODS[entry.method] ?? ''),
        entry.symbol(TEXT.scheme),
        entry.symbol(TEXT.route),
        entry.symbol(TEXT.originalPath) || entry.symbol(TEXT.path),
      ),
      this.#outcomes.outcomeOf(entry, this.#bytes, dictionary),
      endMillis(entry),
      entry.latencyMicros,
      entry.requestBytes,
      entry.responseBytes,
    )
    if (this.#readTrace()) columns.setTrace(index, this.#trace, 0)
    this.#headers(index)
    return undefined
  }

  /** Appends what the entry tells of a connection that has ended. */
  tcp(): AlsFault | undefined {
    const entry = this.#entry
    const columns = this.#columns!
    if (entry.isIntermediate || (entry.logType !== 0 && entry.logType !== TCP_END)) {
      columns.skipped++
      return undefined
    }
    const fault = this.#faultOf(columns.connections)
    if (fault !== undefined) return fault
    // Envoy counts those of the downstream connection, which outbound is not to the peer but to the workload itself.
    const { receivedBytes, sentBytes } = entry
    const outbound = this.#isOutbound()
    columns.addConnection(
      this.#flow(0, 0, 0, 0, 0),
      endMillis(entry),
      -1,
      1,
      1,
      outbound ? sentBytes : receivedBytes,
      outbound ? receivedBytes : sentBytes,
    )
    return undefined
  }

  #faultOf(count: number): AlsFault | undefined {
    const entry = this.#entry
    if (!entry.hasStart) return 'time-missing'
    const { latencyMicros } = entry
    if (!(latencyMicros >= 0 && latencyMicros <= MAX_LATENCY_MICROS)) return 'out-of-range'
    if (!(entry.startMicros >= 0 && endMillis(entry) <= MAX_TIME_MS)) return 'out-of-range'
    return count >= MAX_RECORD_EVENTS ? 'too-many' : undefined
  }

  #flow(authority: number, method: number, scheme: number, route: number, path: number): number {
    const reporter = this.#reporter
    const outbound = this.#isOutbound()
    const entry = this.#entry
    // Of the connection to the upstream an entry does not say whether it is encrypted.
    const tls = outbound ? 0 : FLAG_TLS_KNOWN | (entry.hasTls ? FLAG_TLS : 0)
    return this.#columns!.dictionary.flow(
      (outbound ? FLAG_OUTBOUND : 0) | tls,
      outbound ? reporter.endpoint : this.#source(),
      outbound ? this.#destination() : this.#self(),
      authority,
      method,
      scheme,
      route,
      path,
      reporter.proxy,
    )
  }

  /** By a tag, the name of the upstream cluster, or the name of the log. */
  #isOutbound(): boolean {
    const entry = this.#entry
    const { starts, ends } = entry
    // OUTBOUND or outbound, and nothing else that Envoy says begins so.
    if (entry.has(TEXT.direction)) return (this.#bytes[starts[TEXT.direction]!]! | 0x20) === 0x6f
    const start = starts[TEXT.upstreamCluster]!
    const end = ends[TEXT.upstreamCluster]!
    if (hasPrefix(this.#bytes, start, end, OUTBOUND_CLUSTER)) return true
    return this.#reporter.outbound && !hasPrefix(this.#bytes, start, end, INBOUND_CLUSTER)
  }

  /** Who opened the connection; `downstream_remote_address` may be a client far behind it. */
  #source(): number {
    const entry = this.#entry
    const ip = entry.symbol(TEXT.directIp) || entry.symbol(TEXT.downstreamIp)
    return this.#columns!.dictionary.endpoint(0, 0, 0, 0, 0, 0, ip, 0, entry.symbol(TEXT.peerUri))
  }

  /** Who reports, by the certificate that it showed. */
  #self(): number {
    const { endpoint, texts } = this.#reporter
    const identity = this.#entry.symbol(TEXT.localUri)
    return identity === 0 ? endpoint : this.#columns!.dictionary.endpoint(...texts, 0, identity)
  }

  #destination(): number {
    const entry = this.#entry
    const reporter = this.#reporter
    let service = 0
    let namespace = 0
    if (entry.has(TEXT.upstreamCluster)) {
      const host = this.#host
      host.readUpstream(this.#bytes, entry.starts[TEXT.upstreamCluster]!, entry.ends[TEXT.upstreamCluster]!)
      service = entry.intern(host.nameStart, host.nameEnd)
      namespace = entry.intern(host.namespaceStart, host.namespaceEnd)
    }
    const isNamed = service !== 0
    return this.#columns!.dictionary.endpoint(
      isNamed ? reporter.cluster : 0,
      namespace || (isNamed ? reporter.namespace : 0),
      0,
      0,
      0,
      service,
      entry.symbol(TEXT.upstreamIp),
      entry.upstreamPort <= MAX_PORT ? entry.upstreamPort : 0,
      0,
    )
  }

  #readTrace(): boolean {
    const { starts, ends } = this.#entry
    const { traceparent, b3TraceId, b3 } = TEXT
    const bytes = this.#bytes
    const trace = this.#trace
    return (
      readTraceparent(bytes, starts[traceparent]!, ends[traceparent]!, trace) ||
      readB3(bytes, starts[b3TraceId]!, ends[b3TraceId]!, trace) ||
      readB3(bytes, starts[b3]!, ends[b3]!, trace)
    )
  }

  #headers(index: number): void {
    const entry = this.#entry
    const columns = this.#columns!
    const { symbols } = columns.dictionary
    const { places, count } = entry.headers
    const pieces = this.#pieces
    for (let at = 0; at < count * HEADER_STRIDE; at += HEADER_STRIDE) {
      pieces.clear()
      pieces.range(this.#view, places[at + 1]!, places[at + 2]!)
      pieces.lowerCase()
      columns.addHeader(
        index,
        places[at] === RESPONSE_SIDE ? 'response' : 'request',
        symbols.internBytes(pieces.bytes, 0, pieces.length, pieces.view),
        entry.intern(places[at + 3]!, places[at + 4]!),
      )
    }
    if (hasDetails(entry, this.#bytes))
      columns.addHeader(index, 'response', symbols.intern(DETAILS_HEADER), entry.symbol(TEXT.codeDetails))
    if (entry.attempts > 1)
      columns.addHeader(
        index,
        'response',
        symbols.intern(ATTEMPTS_HEADER),
        symbols.intern(String(entry.attempts)),
      )
  }
}

/** When the entry's stream ended, whole epoch milliseconds. */
function endMillis(entry: AlsEntry): number {
  return Math.floor((entry.startMicros + entry.latencyMicros) / 1000)
}
