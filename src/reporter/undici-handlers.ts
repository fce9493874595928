import { sizeOfChunk } from './message-facts.ts'
import type { OutboundRequest } from './outbound-request.ts'

/** As far as they are read: undici is not imported, and its types differ from version to version. */
export interface DispatchOptions {
  readonly origin?: string | URL
  readonly path?: string
  readonly method?: string
  readonly headers?: unknown
  readonly body?: unknown
}

interface Controller {
  readonly aborted?: boolean
}

type Headers = Readonly<Record<string, string | string[] | undefined>>

/** What undici 7 and later call. */
export interface DispatchHandler {
  onRequestStart?(controller: Controller | null, context: unknown): unknown
  onRequestUpgrade?(controller: Controller | null, status: number, headers: Headers, socket: unknown): unknown
  onResponseStart?(controller: Controller | null, status: number, headers: Headers, text?: string): unknown
  onResponseStarted?(): unknown
  onResponseData?(controller: Controller | null, chunk: Uint8Array): unknown
  onResponseEnd?(controller: Controller | null, trailers: Headers): unknown
  onResponseError?(controller: Controller | null, error: unknown): unknown
  onBodySent?(chunk: unknown): unknown
  onRequestSent?(): unknown
}

type RawHeaders = readonly (Uint8Array | string | readonly (Uint8Array | string)[])[] | null

/** What undici 6 calls, and 7, and Node's own `fetch`, where nothing is composed. */
export interface OldHandler {
  onConnect?(abort: (reason?: unknown) => unknown, context: unknown): unknown
  onUpgrade?(status: number, headers: RawHeaders, socket: unknown): unknown
  onHeaders?(status: number, headers: RawHeaders, resume: () => void, text?: string): unknown
  onResponseStarted?(): unknown
  onData?(chunk: Uint8Array): unknown
  onComplete?(trailers: RawHeaders): unknown
  onError?(error: unknown): unknown
  onBodySent?(chunk: unknown, total?: unknown): unknown
  onRequestSent?(): unknown
}

/** A handler that tells the request what it is called with, and then the handler that it stands before. */
export function watchHandler(inner: DispatchHandler, request: OutboundRequest): DispatchHandler {
  return {
    onRequestStart: (controller, context) => {
      request.isStarted = true
      return inner.onRequestStart?.(controller, context)
    },
    onRequestUpgrade: (controller, status, headers, socket) => {
      request.responded(status, undefined)
      request.ended(undefined)
      return inner.onRequestUpgrade?.(controller, status, headers, socket)
    },
    onResponseStart: (controller, status, headers, text) => {
      request.responded(status, headerOf(headers, 'grpc-status'))
      return inner.onResponseStart?.(controller, status, headers, text)
    },
    onResponseStarted: () => inner.onResponseStarted?.(),
    onResponseData: (controller, chunk) => {
      request.responseBytes += chunk.byteLength
      return inner.onResponseData?.(controller, chunk)
    },
    onResponseEnd: (controller, trailers) => {
      request.ended(headerOf(trailers, 'grpc-status'))
      return inner.onResponseEnd?.(controller, trailers)
    },
    onResponseError: (controller, error) => {
      request.isAborted ||= controller?.aborted === true
      request.failed(error)
      return inner.onResponseError?.(controller, error)
    },
    onBodySent: (chunk) => {
      request.sentBytes += sizeOfChunk(chunk)
      return inner.onBodySent?.(chunk)
    },
    onRequestSent: () => inner.onRequestSent?.(),
  }
}

/** The same for the old names. */
export function watchOldHandler(inner: OldHandler, request: OutboundRequest): OldHandler {
  return {
    onConnect: (abort, context) => {
      request.isStarted = true
      const aborted = (reason?: unknown): unknown => {
        request.isAborted = true
        return abort(reason)
      }
      return inner.onConnect?.(aborted, context)
    },
    onUpgrade: (status, headers, socket) => {
      request.responded(status, undefined)
      request.ended(undefined)
      return inner.onUpgrade?.(status, headers, socket)
    },
    onHeaders: (status, headers, resume, text) => {
      request.responded(status, headerOf(headers, 'grpc-status'))
      return inner.onHeaders?.(status, headers, resume, text)
    },
    onResponseStarted: () => inner.onResponseStarted?.(),
    onData: (chunk) => {
      request.responseBytes += chunk.byteLength
      return inner.onData?.(chunk)
    },
    onComplete: (trailers) => {
      request.ended(headerOf(trailers, 'grpc-status'))
      return inner.onComplete?.(trailers)
    },
    onError: (error) => {
      request.failed(error)
      return inner.onError?.(error)
    },
    onBodySent: (chunk, total) => {
      request.sentBytes += sizeOfChunk(chunk)
      return inner.onBodySent?.(chunk, total)
    },
    onRequestSent: () => inner.onRequestSent?.(),
  }
}

/**
 * The first value of a header, `name` in lower case, out of what undici takes for headers: an object, names and values in
 * turn, or pairs.
 */
export function headerOf(headers: unknown, name: string): string | undefined {
  if (typeof headers !== 'object' || headers === null) return undefined
  if (Array.isArray(headers) && !Array.isArray(headers[0])) {
    for (let i = 0; i + 1 < headers.length; i += 2) {
      if (textOf(headers[i]).toLowerCase() === name) return textOf(headers[i + 1])
    }
    return undefined
  }
  const pairs = Symbol.iterator in headers ? (headers as Iterable<unknown>) : Object.entries(headers)
  for (const pair of pairs) {
    if (Array.isArray(pair) && textOf(pair[0]).toLowerCase() === name && pair[1] != null)
      return textOf(pair[1])
  }
  return undefined
}

/** Of several values the first. */
function textOf(value: unknown): string {
  const one: unknown = Array.isArray(value) ? value[0] : value
  return one instanceof Uint8Array ? Buffer.from(one).toString('latin1') : String(one)
}
