import { AlsEntry, TEXT } from './als-entry.ts'
import { readIdentifier } from './als-identifier.ts'
import { ALS_FAULT_MESSAGES, type AlsFault, AlsMapping } from './als-mapping.ts'
import { alsReporter } from './als-reporter.ts'
import {
  ADDRESS_FIELDS,
  ADDRESS_PIPE,
  ADDRESS_SOCKET,
  ALT_NAME_FIELDS,
  ALT_NAME_URI,
  CERTIFICATE_ALT_NAME,
  CERTIFICATE_FIELDS,
  COMMON,
  COMMON_FIELDS,
  CONNECTION_FIELDS,
  CONNECTION_RECEIVED,
  CONNECTION_SENT,
  FIRST_NUMBER,
  FLAG_FIELDS,
  HTTP_COMMON,
  HTTP_FIELDS,
  HTTP_REQUEST,
  HTTP_RESPONSE,
  LOGS_ENTRY,
  LOGS_FIELDS,
  MESSAGE_FIELDS,
  MESSAGE_HTTP_LOGS,
  MESSAGE_IDENTIFIER,
  MESSAGE_TCP_LOGS,
  NUMBER_FIELDS,
  PAIR_FIELDS,
  PAIR_KEY,
  PAIR_VALUE,
  REQUEST,
  REQUEST_FIELDS,
  RESPONSE,
  RESPONSE_FIELDS,
  SECOND_NUMBER,
  SOCKET_ADDRESS,
  SOCKET_FIELDS,
  SOCKET_PORT,
  TCP_COMMON,
  TCP_CONNECTION,
  TCP_FIELDS,
  TIME_FIELDS,
  TLS_FIELDS,
  TLS_LOCAL,
  TLS_PEER,
} from './als-wire.ts'
import { REQUEST_SIDE, RESPONSE_SIDE } from './header-ranges.ts'
import type { EventColumns } from './event-columns.ts'
import { FieldTable } from './field-table.ts'
import { faultAt, ProtobufReader, WIRE } from './protobuf-reader.ts'
import { WireScanner } from './wire-scanner.ts'

/**
 * Decodes Envoy's `StreamAccessLogsMessage`: appends the requests and connections among its entries to `columns`.
 *
 * Throws a `DecodeError` where the bytes are not such a message or an entry has an impossible time; `columns` then hold a
 * part of the message and must be cleared.
 */
export function decodeAccessLogs(bytes: Uint8Array, columns: EventColumns): void {
  scanner.decode(bytes, columns)
}

/** Headers that become fields of the event, and the place of each. They are not kept as headers besides. */
const REQUEST_HEADERS = new FieldTable(['traceparent', 'b3', 'x-b3-traceid'])
const REQUEST_HEADER_TEXTS = [TEXT.traceparent, TEXT.b3, TEXT.b3TraceId]
/** Parts of the trace context that say nothing more. */
const DROPPED_HEADERS = new FieldTable([
  'tracestate',
  'x-b3-spanid',
  'x-b3-parentspanid',
  'x-b3-sampled',
  'x-b3-flags',
])
const RESPONSE_HEADERS = new FieldTable(['grpc-status'])
const DIRECTION_TAGS = new FieldTable(['direction', 'traffic_direction'])

/** Scans a message's bytes: no object and no string is made an entry. */
class AlsScanner extends WireScanner {
  readonly #entry = new AlsEntry()
  readonly #mapping = new AlsMapping(this.#entry)
  /** Where the key and value of the pair last read are. */
  #keyStart = 0
  #keyEnd = 0
  #valueStart = 0
  #valueEnd = 0

  decode(bytes: Uint8Array, columns: EventColumns): void {
    this.hold(bytes)
    this.#mapping.begin(this.bytes, this.view, columns)
    try {
      this.#identify(columns)
      this.#message(bytes.length)
      columns.unknownFields += this.unknownFields
    } finally {
      this.release()
      this.#mapping.begin(this.bytes, this.view, undefined)
    }
  }

  /** Reads who sends the message, first: protobuf does not say that it comes before the entries. */
  #identify(columns: EventColumns): void {
    const end = this.bytes.length
    for (let pos = 0; pos < end;) {
      const tag = this.tag(pos, end)
      if (tag === MESSAGE_IDENTIFIER) {
        const to = this.lengthEnd(this.pos, end)
        const reader = new ProtobufReader(this.bytes, this.pos, to)
        this.#mapping.reporter(alsReporter(readIdentifier(reader), columns.dictionary))
        pos = to
      } else pos = this.skip(tag, end, MESSAGE_FIELDS)
    }
    this.unknownFields = 0
  }

  #message(end: number): void {
    for (let pos = 0; pos < end;) {
      const tag = this.tag(pos, end)
      if (tag !== MESSAGE_HTTP_LOGS && tag !== MESSAGE_TCP_LOGS) {
        pos = this.skip(tag, end, MESSAGE_FIELDS)
        continue
      }
      const to = this.lengthEnd(this.pos, end)
      this.#entries(tag === MESSAGE_HTTP_LOGS, this.pos, to)
      pos = to
    }
  }

  #entries(isHttp: boolean, start: number, end: number): void {
    for (let pos = start; pos < end;) {
      const tag = this.tag(pos, end)
      if (tag !== LOGS_ENTRY) {
        pos = this.skip(tag, end, LOGS_FIELDS)
        continue
      }
      const to = this.lengthEnd(this.pos, end)
      const at = this.pos
      this.#entry.clear()
      const fault = isHttp ? this.#http(at, to) : this.#tcp(at, to)
      if (fault !== undefined) throw faultAt(fault, at, ALS_FAULT_MESSAGES[fault])
      pos = to
    }
  }

  #http(start: number, end: number): AlsFault | undefined {
    for (let pos = start; pos < end;) {
      const tag = this.tag(pos, end)
      if (tag === HTTP_COMMON || tag === HTTP_REQUEST || tag === HTTP_RESPONSE) {
        const to = this.lengthEnd(this.pos, end)
        if (tag === HTTP_COMMON) this.#common(this.pos, to)
        else if (tag === HTTP_REQUEST) this.#request(this.pos, to)
        else this.#response(this.pos, to)
        pos = to
      } else pos = this.skip(tag, end, HTTP_FIELDS)
    }
    return this.#mapping.http()
  }

  #tcp(start: number, end: number): AlsFault | undefined {
    for (let pos = start; pos < end;) {
      const tag = this.tag(pos, end)
      if (tag === TCP_COMMON || tag === TCP_CONNECTION) {
        const to = this.lengthEnd(this.pos, end)
        if (tag === TCP_COMMON) this.#common(this.pos, to)
        else this.#connection(this.pos, to)
        pos = to
      } else pos = this.skip(tag, end, TCP_FIELDS)
    }
    return this.#mapping.tcp()
  }

  #connection(start: number, end: number): void {
    for (let pos = start; pos < end;) {
      const tag = this.tag(pos, end)
      if (tag === CONNECTION_RECEIVED) this.#entry.receivedBytes = this.#count(end)
      else if (tag === CONNECTION_SENT) this.#entry.sentBytes = this.#count(end)
      else this.pos = this.skip(tag, end, CONNECTION_FIELDS)
      pos = this.pos
    }
  }

  #common(start: number, end: number): void {
    const entry = this.#entry
    for (let pos = start; pos < end;) {
      const tag = this.tag(pos, end)
      if ((tag & 7) !== WIRE.bytes) {
        if (tag === COMMON.attempts) entry.attempts = this.#count(end)
        else if (tag === COMMON.intermediate) entry.isIntermediate = this.int(this.pos, end) !== 0
        else if (tag === COMMON.logType) entry.logType = this.int(this.pos, end)
        else this.pos = this.skip(tag, end, COMMON_FIELDS)
        pos = this.pos
        continue
      }
      const to = this.lengthEnd(this.pos, end)
      const at = this.pos
      switch (tag) {
        case COMMON.downstreamRemote:
          this.#address(TEXT.downstreamIp, at, to)
          break
        case COMMON.downstreamDirectRemote:
          this.#address(TEXT.directIp, at, to)
          break
        case COMMON.upstreamRemote:
          entry.upstreamPort = this.#address(TEXT.upstreamIp, at, to)
          break
        case COMMON.tls:
          entry.hasTls = true
          this.#tls(at, to)
          break
        case COMMON.startTime:
          entry.startMicros = this.#micros(at, to)
          entry.hasStart = to > at
          break
        case COMMON.lastSent:
          entry.lastSentMicros = this.#micros(at, to)
          break
        case COMMON.duration:
          entry.durationMicros = this.#micros(at, to)
          break
        case COMMON.lastReceived:
        case COMMON.firstUpstreamSent:
        case COMMON.lastUpstreamSent:
        case COMMON.firstUpstreamReceived:
        case COMMON.lastUpstreamReceived:
        case COMMON.firstSent:
          entry.otherMicros = Math.max(entry.otherMicros, this.#micros(at, to))
          break
        case COMMON.upstreamCluster:
          entry.set(TEXT.upstreamCluster, at, to)
          break
        case COMMON.routeName:
          entry.set(TEXT.route, at, to)
          break
        case COMMON.responseFlags:
          this.#flags(at, to)
          break
        case COMMON.customTags:
          this.#pair(at, to)
          if (DIRECTION_TAGS.find(this.bytes, this.#keyStart, this.#keyEnd) >= 0)
            entry.set(TEXT.direction, this.#valueStart, this.#valueEnd)
          break
        default:
          this.check(tag, at, COMMON_FIELDS)
      }
      pos = to
    }
  }

  #request(start: number, end: number): void {
    const entry = this.#entry
    for (let pos = start; pos < end;) {
      const tag = this.tag(pos, end)
      if ((tag & 7) !== WIRE.bytes) {
        if (tag === REQUEST.method) entry.method = this.int(this.pos, end)
        else if (tag === REQUEST.bodyBytes) entry.requestBytes = this.#count(end)
        else this.pos = this.skip(tag, end, REQUEST_FIELDS)
        pos = this.pos
        continue
      }
      const to = this.lengthEnd(this.pos, end)
      const at = this.pos
      switch (tag) {
        case REQUEST.scheme:
          entry.set(TEXT.scheme, at, to)
          break
        case REQUEST.authority:
          entry.set(TEXT.authority, at, to)
          break
        case REQUEST.path:
          entry.set(TEXT.path, at, to)
          break
        case REQUEST.originalPath:
          entry.set(TEXT.originalPath, at, to)
          break
        case REQUEST.headers:
          this.#requestHeader(at, to)
          break
        default:
          this.check(tag, at, REQUEST_FIELDS)
      }
      pos = to
    }
  }

  #response(start: number, end: number): void {
    const entry = this.#entry
    for (let pos = start; pos < end;) {
      const tag = this.tag(pos, end)
      if ((tag & 7) !== WIRE.bytes) {
        if (tag === RESPONSE.bodyBytes) entry.responseBytes = this.#count(end)
        else this.pos = this.skip(tag, end, RESPONSE_FIELDS)
        pos = this.pos
        continue
      }
      const to = this.lengthEnd(this.pos, end)
      const at = this.pos
      switch (tag) {
        case RESPONSE.code:
          this.#status(at, to)
          break
        case RESPONSE.headers:
          this.#responseHeader(TEXT.grpcHeader, at, to)
          break
        case RESPONSE.trailers:
          this.#responseHeader(TEXT.grpcTrailer, at, to)
          break
        case RESPONSE.codeDetails:
          entry.set(TEXT.codeDetails, at, to)
          break
        default:
          this.check(tag, at, RESPONSE_FIELDS)
      }
      pos = to
    }
  }

  #requestHeader(start: number, end: number): void {
    this.#pair(start, end)
    const entry = this.#entry
    const known = REQUEST_HEADERS.find(this.bytes, this.#keyStart, this.#keyEnd)
    if (known >= 0) entry.set(REQUEST_HEADER_TEXTS[known]!, this.#valueStart, this.#valueEnd)
    else if (DROPPED_HEADERS.find(this.bytes, this.#keyStart, this.#keyEnd) < 0) this.#header(REQUEST_SIDE)
  }

  #responseHeader(grpcText: number, start: number, end: number): void {
    this.#pair(start, end)
    if (RESPONSE_HEADERS.find(this.bytes, this.#keyStart, this.#keyEnd) >= 0)
      this.#entry.set(grpcText, this.#valueStart, this.#valueEnd)
    else this.#header(RESPONSE_SIDE)
  }

  #header(side: number): void {
    if (this.#keyEnd > this.#keyStart)
      this.#entry.headers.add(side, this.#keyStart, this.#keyEnd, this.#valueStart, this.#valueEnd)
  }

  /** Reads an entry of a map of texts. */
  #pair(start: number, end: number): void {
    this.#keyStart = this.#keyEnd = this.#valueStart = this.#valueEnd = start
    for (let pos = start; pos < end;) {
      const tag = this.tag(pos, end)
      if (tag === PAIR_KEY || tag === PAIR_VALUE) {
        const to = this.lengthEnd(this.pos, end)
        if (tag === PAIR_KEY) {
          this.#keyStart = this.pos
          this.#keyEnd = to
        } else {
          this.#valueStart = this.pos
          this.#valueEnd = to
        }
        pos = to
      } else pos = this.skip(tag, end, PAIR_FIELDS)
    }
  }

  /** Reads an address: sets its ip, or the path of its pipe, and returns its port. */
  #address(text: number, start: number, end: number): number {
    let port = 0
    for (let pos = start; pos < end;) {
      const tag = this.tag(pos, end)
      if (tag === ADDRESS_SOCKET || tag === ADDRESS_PIPE) {
        const to = this.lengthEnd(this.pos, end)
        // A pipe's path is no address of another host.
        if (tag === ADDRESS_SOCKET) port = this.#socketAddress(text, this.pos, to)
        pos = to
      } else pos = this.skip(tag, end, ADDRESS_FIELDS)
    }
    return port
  }

  #socketAddress(text: number, start: number, end: number): number {
    let port = 0
    for (let pos = start; pos < end;) {
      const tag = this.tag(pos, end)
      if (tag === SOCKET_ADDRESS) {
        const to = this.lengthEnd(this.pos, end)
        this.#entry.set(text, this.pos, to)
        pos = to
      } else if (tag === SOCKET_PORT) {
        port = this.#count(end)
        pos = this.pos
      } else pos = this.skip(tag, end, SOCKET_FIELDS)
    }
    return port
  }

  /** Reads the first URI among the alternative names of each end's certificate. */
  #tls(start: number, end: number): void {
    for (let pos = start; pos < end;) {
      const tag = this.tag(pos, end)
      if (tag === TLS_PEER || tag === TLS_LOCAL) {
        const to = this.lengthEnd(this.pos, end)
        this.#certificate(tag === TLS_PEER ? TEXT.peerUri : TEXT.localUri, this.pos, to)
        pos = to
      } else pos = this.skip(tag, end, TLS_FIELDS)
    }
  }

  #certificate(uri: number, start: number, end: number): void {
    for (let pos = start; pos < end;) {
      const tag = this.tag(pos, end)
      if (tag === CERTIFICATE_ALT_NAME) {
        const to = this.lengthEnd(this.pos, end)
        this.#altName(uri, this.pos, to)
        pos = to
      } else pos = this.skip(tag, end, CERTIFICATE_FIELDS)
    }
  }

  #altName(uri: number, start: number, end: number): void {
    for (let pos = start; pos < end;) {
      const tag = this.tag(pos, end)
      if (tag === ALT_NAME_URI) {
        const to = this.lengthEnd(this.pos, end)
        if (!this.#entry.has(uri)) this.#entry.set(uri, this.pos, to)
        pos = to
      } else pos = this.skip(tag, end, ALT_NAME_FIELDS)
    }
  }

  #flags(start: number, end: number): void {
    for (let pos = start; pos < end;) {
      const tag = this.tag(pos, end)
      const field = tag >>> 3
      const expected = FLAG_FIELDS[field]
      if (expected === WIRE.varint && (tag & 7) === WIRE.varint) {
        if (this.int(this.pos, end) !== 0) this.#entry.flags |= 1 << field
        pos = this.pos
      } else {
        const isUnauthorized = expected === WIRE.bytes
        pos = this.skip(tag, end, FLAG_FIELDS)
        if (isUnauthorized) this.#entry.flags |= 1 << field
      }
    }
  }

  /** Reads a UInt32Value. */
  #status(start: number, end: number): void {
    for (let pos = start; pos < end;) {
      const tag = this.tag(pos, end)
      if (tag === FIRST_NUMBER) {
        this.#entry.status = this.#count(end)
        pos = this.pos
      } else pos = this.skip(tag, end, NUMBER_FIELDS)
    }
  }

  /** Reads a Timestamp or a Duration in whole microseconds. */
  #micros(start: number, end: number): number {
    let seconds = 0
    let nanos = 0
    for (let pos = start; pos < end;) {
      const tag = this.tag(pos, end)
      if (tag === FIRST_NUMBER) seconds = this.int(this.pos, end)
      else if (tag === SECOND_NUMBER) nanos = this.int(this.pos, end)
      else this.pos = this.skip(tag, end, TIME_FIELDS)
      pos = this.pos
    }
    return seconds * 1_000_000 + Math.floor(nanos / 1000)
  }

  /** Reads a count; one that cannot be right is none. */
  #count(end: number): number {
    const value = this.int(this.pos, end)
    return value >= 0 && value <= Number.MAX_SAFE_INTEGER ? value : 0
  }
}

const scanner = new AlsScanner()
