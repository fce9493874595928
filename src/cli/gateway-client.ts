import type { ClientToken } from '../config/client-token.ts'
import { CliError, reasonOf, usageError } from './cli-error.ts'
import { grantMissing, tokenRefused } from './refusals.ts'
import { isDistrusted } from './trusted-certificates.ts'

export type QueryParameters = Readonly<Record<string, string | undefined>>

/** An answer with the gateway's own time, so that a clock that is wrong here does not make it look old. */
export interface GatewayAnswer<T> {
  readonly answer: T
  /** Epoch milliseconds, whole seconds; undefined where the gateway did not say. */
  readonly serverTimeMs: number | undefined
}

/** Most bytes of an answer. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024

const DEFAULT_TIMEOUT_MS = 35_000

export interface GatewayClientOptions {
  /** Shown with every request. */
  readonly token?: ClientToken
  readonly timeoutMs?: number
}

/** A stream's address, and the headers that it is asked for with. */
export interface StreamRequest {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
}

/** Asks a gateway. Every failure is a CliError that says what to do. */
export class GatewayClient {
  readonly url: string
  readonly token: ClientToken | undefined
  readonly #timeoutMs: number

  /** `url` has no slash at its end. */
  constructor(url: string, { token, timeoutMs = DEFAULT_TIMEOUT_MS }: GatewayClientOptions = {}) {
    this.url = url
    this.token = token
    this.#timeoutMs = timeoutMs
  }

  /** The JSON that a `GET` of the path answers. `T` is what the gateway of this version sends; only its outline is checked. */
  async get<T extends object>(
    path: string,
    parameters: QueryParameters,
    signal?: AbortSignal,
  ): Promise<GatewayAnswer<T>> {
    const timeout = AbortSignal.timeout(this.#timeoutMs)
    const response = await this.#fetch(this.#urlOf(path, parameters), 'application/json', timeout, signal)
    const text = await this.#read(response)
    if (!response.ok) throw this.#refused(response.status, text)
    const answer = parseJson(text)
    if (typeof answer !== 'object' || answer === null || Array.isArray(answer)) {
      throw new CliError(
        'GATEWAY_ANSWER',
        `${this.url} answers with something other than meshtap's JSON: is it the address of a gateway? See --gateway`,
      )
    }
    const date = Date.parse(response.headers.get('date') ?? '')
    return { answer: answer as T, serverTimeMs: Number.isNaN(date) ? undefined : date }
  }

  /** Why the gateway would refuse to stream from the path; undefined where it would not. */
  async refusalOf(path: string, parameters: QueryParameters, accept: string): Promise<CliError | undefined> {
    const abort = new AbortController()
    const timeout = AbortSignal.timeout(this.#timeoutMs)
    try {
      const response = await this.#fetch(this.#urlOf(path, parameters), accept, timeout, abort.signal)
      return response.ok ? undefined : this.#refused(response.status, await this.#read(response))
    } catch (error) {
      if (error instanceof CliError) return error
      throw error
    } finally {
      abort.abort()
    }
  }

  /** How to ask for the path as a websocket, with the token as it is now. */
  async stream(path: string, parameters: QueryParameters): Promise<StreamRequest> {
    return { url: this.#urlOf(path, parameters).replace(/^http/, 'ws'), headers: await this.#headers() }
  }

  /** What it means that the gateway does not take the token, or wants one. */
  tokenRefused(why: string): CliError {
    return tokenRefused(this.url, this.token, 'token', why)
  }

  async #headers(): Promise<Record<string, string>> {
    return this.token === undefined ? {} : { authorization: `Bearer ${await this.token.current()}` }
  }

  #urlOf(path: string, parameters: QueryParameters): string {
    const url = new URL(`${this.url}${path}`)
    for (const [name, value] of Object.entries(parameters)) {
      if (value !== undefined) url.searchParams.set(name, value)
    }
    return url.href
  }

  async #fetch(
    url: string,
    accept: string,
    timeout: AbortSignal,
    signal: AbortSignal | undefined,
  ): Promise<Response> {
    try {
      return await fetch(url, {
        headers: { accept, ...(await this.#headers()) },
        redirect: 'manual',
        signal: signal === undefined ? timeout : AbortSignal.any([timeout, signal]),
      })
    } catch (error) {
      throw this.unreachable(
        timeout.aborted ? `no answer in ${this.#timeoutMs / 1000} s` : reasonOf(error),
        error,
      )
    }
  }

  unreachable(why: string, cause?: unknown): CliError {
    const [reason, hint] = isDistrusted(cause)
      ? // What OpenSSL says after that is about how to start Node.
        [why.split(';')[0]!, 'A certificate to trust is given with --ca-file or MESHTAP_CA_FILE']
      : [why, 'Is "meshtap serve" running there? Another address is given with --gateway or MESHTAP_GATEWAY']
    return new CliError(
      'GATEWAY_UNREACHABLE',
      `cannot reach the gateway at ${this.url}: ${reason}. ${hint}`,
      {
        cause,
      },
    )
  }

  async #read(response: Response): Promise<string> {
    try {
      return await readText(response)
    } catch (error) {
      if (error instanceof CliError) throw error
      throw this.unreachable(`its answer broke off: ${reasonOf(error)}`, error)
    }
  }

  #refused(status: number, text: string): CliError {
    const problem = problemOf(text)
    if (problem?.code === 'BAD_PARAMETER') return usageError(parameterMessage(problem))
    const why = problem?.detail ?? outline(text)
    if (status === 401) return this.tokenRefused(why || '401')
    if (problem?.code === 'NOT_GRANTED') return grantMissing(this.url, why)
    return new CliError(
      'GATEWAY_REFUSED',
      `${this.url} answers ${status}${why === '' ? '' : `: ${why}`}` +
        (problem === undefined ? '. Is it the address of a gateway? See --gateway' : ''),
      { problem: problem?.code },
    )
  }
}

interface Problem {
  readonly code: string
  readonly detail: string
  readonly parameter?: string
}

function problemOf(text: string): Problem | undefined {
  const problem = parseJson(text)
  if (typeof problem !== 'object' || problem === null) return undefined
  if (!('code' in problem && typeof problem.code === 'string')) return undefined
  if (!('detail' in problem && typeof problem.detail === 'string')) return undefined
  const parameter =
    'parameter' in problem && typeof problem.parameter === 'string' ? problem.parameter : undefined
  return { code: problem.code, detail: problem.detail, ...(parameter === undefined ? {} : { parameter }) }
}

/** Of an answer that is none of meshtap's: one short line, nothing of a page. */
function outline(text: string): string {
  const line = text.trim().replaceAll(/\s+/g, ' ')
  return line.startsWith('<') ? '' : line.slice(0, 200)
}

/** Flags by the parameters that they set, where the names differ by more than dashes. */
const FLAGS: Readonly<Record<string, string>> = { window: '--time-window', by: '--routes' }

/** A parameter's fault as one of the flag that set it. */
function parameterMessage({ detail, parameter }: Problem): string {
  if (parameter === undefined) return detail
  const sentence = detail.startsWith(`${parameter}: `) ? detail.slice(parameter.length + 2) : detail
  if (parameter === 'resource') return sentence
  return `${FLAGS[parameter] ?? `--${parameter.replaceAll('_', '-')}`}: ${sentence}`
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

async function readText(response: Response): Promise<string> {
  if (response.body === null) return ''
  const decoder = new TextDecoder()
  let text = ''
  let size = 0
  for await (const chunk of response.body) {
    size += chunk.length
    if (size > MAX_ANSWER_BYTES) {
      throw new CliError(
        'GATEWAY_ANSWER',
        `the answer of ${response.url} is larger than ${MAX_ANSWER_BYTES} bytes; ask for less`,
      )
    }
    text += decoder.decode(chunk, { stream: true })
  }
  return text + decoder.decode()
}
