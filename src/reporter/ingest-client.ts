import { type BatchNumber, NUMBER_HEADERS } from '../event/batch-number.ts'
import type { After } from './timers.ts'

/** Where what is posted goes, below the ingest's URL, and what it is. */
export interface IngestRoute {
  readonly path: string
  readonly contentType: string
}

/** Encoded batches of events. */
export const EVENT_BATCHES: IngestRoute = {
  path: '/v1/events',
  contentType: 'application/x-protobuf; proto=meshtap.v1.EventBatch',
}

/** What became of one try to hand a batch over. */
export type IngestAnswer =
  | { readonly kind: 'accepted' }
  /** The ingest will never take these bytes: a mistake on this side. */
  | { readonly kind: 'refused'; readonly why: string }
  /** It takes nothing from who shows this token, or none. It may take these bytes with another one. */
  | { readonly kind: 'denied'; readonly why: string }
  /** It may take them later; `afterMs` is when it asks to be tried again. */
  | { readonly kind: 'unavailable'; readonly why: string; readonly afterMs?: number }

export type Fetch = (url: string, init: RequestInit) => Promise<Response>

/** Most bytes read of an answer. */
const ANSWER_BYTES = 8 * 1024

/** Longest that an ingest may ask to be left alone. */
const MAX_RETRY_AFTER_MS = 60_000

/** What a sender shows to an ingest: a token, or where it is found each time, since it may change. */
export type SenderToken = string | (() => Promise<string>)

export interface IngestClientOptions {
  readonly token?: SenderToken
  /** `EVENT_BATCHES`, where it is left out. */
  readonly route?: IngestRoute
  /** For one try. */
  readonly timeoutMs: number
  readonly after: After
  /** Epoch milliseconds. */
  readonly now: () => number
}

/** Posts encoded messages to one route of an ingest. */
export class IngestClient {
  readonly url: string
  readonly #route: IngestRoute
  readonly #fetch: Fetch
  readonly #options: IngestClientOptions

  /** Throws a TypeError where `ingestUrl` is no http(s) URL, or the token is none. */
  constructor(ingestUrl: string, fetch: Fetch, options: IngestClientOptions) {
    if (typeof options.token === 'string') checkToken(options.token)
    this.#route = options.route ?? EVENT_BATCHES
    this.url = routeUrl(ingestUrl, this.#route)
    this.#fetch = fetch
    this.#options = options
  }

  /** Never rejects. `number` is given to a message that has none of its own. */
  async post(
    bytes: Uint8Array<ArrayBuffer>,
    signal: AbortSignal,
    number?: BatchNumber,
  ): Promise<IngestAnswer> {
    const { timeoutMs, after, now } = this.#options
    const attempt = new AbortController()
    const stop = (): void => attempt.abort()
    const cancelTimeout = after(timeoutMs, () => {
      attempt.abort(new Error(`no answer within ${timeoutMs} ms`))
    })
    signal.addEventListener('abort', stop)
    try {
      const headers = { 'content-type': this.#route.contentType, ...numberHeaders(number) }
      const response = await this.#fetch(this.url, {
        method: 'POST',
        headers: { ...headers, ...(await this.#authorization()) },
        body: bytes,
        redirect: 'manual',
        signal: attempt.signal,
      })
      const { status } = response
      const text = await readStart(response)
      if (status >= 200 && status < 300) return { kind: 'accepted' }
      const detail = detailOf(text)
      if (status === 401) return { kind: 'denied', why: detail || '401' }
      const why = `${status} ${detail}`.trim()
      if (status !== 408 && status !== 429 && status < 500) return { kind: 'refused', why }
      const afterMs = retryAfterMs(response.headers.get('retry-after'), now())
      return { kind: 'unavailable', why, ...(afterMs === undefined ? {} : { afterMs }) }
    } catch (error) {
      return { kind: 'unavailable', why: reasonOf(error) }
    } finally {
      cancelTimeout()
      signal.removeEventListener('abort', stop)
    }
  }

  async #authorization(): Promise<Record<string, string>> {
    const { token } = this.#options
    if (token === undefined) return {}
    const text = typeof token === 'string' ? token : await token()
    checkToken(text)
    return { authorization: `Bearer ${text}` }
  }
}

/** What `fetch` says of a header that it does not send has the header in it. */
function checkToken(token: string): void {
  if (!/^[\w.~+/=-]+$/.test(token)) {
    throw new TypeError('the token is none that a header can carry: letters, digits and ._~+/=- can')
  }
}

function numberHeaders(number: BatchNumber | undefined): Record<string, string> {
  if (number === undefined) return {}
  return {
    [NUMBER_HEADERS.producer]: number.producer,
    [NUMBER_HEADERS.sequence]: String(number.sequence),
  }
}

function routeUrl(ingestUrl: string, route: IngestRoute): string {
  const url = URL.parse(ingestUrl)
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new TypeError(
      `the ingest's URL is ${JSON.stringify(ingestUrl)}: it must be one such as http://127.0.0.1:4318`,
    )
  }
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}${route.path}`
}

/** Reads the answer's beginning as text, and what is beyond it not at all, so that the connection is mostly kept. */
async function readStart(response: Response): Promise<string> {
  if (response.body === null) return ''
  const decoder = new TextDecoder()
  let text = ''
  let size = 0
  for await (const chunk of response.body) {
    text += decoder.decode(chunk, { stream: true })
    size += chunk.length
    if (size > ANSWER_BYTES) break
  }
  return text
}

/** The `detail` of a problem document, else the text itself. */
function detailOf(text: string): string {
  try {
    const problem: unknown = JSON.parse(text)
    if (typeof problem === 'object' && problem !== null && 'detail' in problem) return String(problem.detail)
  } catch {
    // Not JSON: the text says what it says.
  }
  return text.slice(0, 200)
}

/** `Retry-After` is a number of seconds or a date (RFC 9110, section 10.2.3). */
function retryAfterMs(header: string | null, nowMs: number): number | undefined {
  if (header === null) return undefined
  const ms = /^\d+$/.test(header.trim()) ? Number(header) * 1000 : Date.parse(header) - nowMs
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), MAX_RETRY_AFTER_MS)
}

/** `fetch` says only "fetch failed"; the system's word is in the cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? error.cause.message || error.cause.name : error.message
}
