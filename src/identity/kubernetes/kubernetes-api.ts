import { once } from 'node:events'
import { type IncomingMessage, type OutgoingHttpHeaders, request as requestHttp } from 'node:http'
import { request as requestHttps, type RequestOptions } from 'node:https'
import { KubeConfig } from '@kubernetes/client-node'

/** Longest answer that is kept of a refusal, bytes. */
const MAX_REFUSAL_BYTES = 4096

/** Longest wait that a server may ask for, seconds. */
const MAX_RETRY_AFTER_S = 300

/** How an API server is reached. */
export type KubernetesAccess =
  /** As a pod of its cluster, by the service account's token. */
  | { readonly kind: 'in-cluster' }
  | { readonly kind: 'file'; readonly path: string; readonly context?: string }

/** The API server refused, and why. */
export class KubernetesError extends Error {
  /** HTTP's, or that of a watch's ERROR event; 0 where there was no answer. */
  readonly status: number
  /** Milliseconds for which the server asks not to be asked again; 0 where it does not say. */
  readonly retryAfterMs: number

  constructor(status: number, message: string, options: ErrorOptions & { retryAfterMs?: number } = {}) {
    super(message, options)
    this.name = 'KubernetesError'
    this.status = status
    this.retryAfterMs = options.retryAfterMs ?? 0
  }
}

/** Answers of one API server, as streams. */
export interface KubernetesApi {
  /** Rejects with a KubernetesError where the server does not answer with 200. */
  get(path: string, accept: string, signal: AbortSignal): Promise<IncomingMessage>
}

/** Throws a RangeError where the configuration cannot be read. */
export function openKubernetesApi(access: KubernetesAccess): KubernetesApi {
  const config = configOf(access)
  const server = config.getCurrentCluster()?.server
  if (server === undefined) throw new RangeError(`${nameOf(access)}: names no cluster`)
  if (!/^https?:$/.test(URL.parse(server)?.protocol ?? '')) {
    const where = access.kind === 'file' ? '' : ': only a pod of a cluster is in it'
    throw new RangeError(
      `${nameOf(access)}: ${JSON.stringify(server)} is no address of an API server${where}`,
    )
  }
  return {
    async get(path, accept, signal) {
      const url = new URL(`${server.replace(/\/$/, '')}${path}`)
      const headers: OutgoingHttpHeaders = { accept }
      const options: RequestOptions = { headers }
      try {
        // Each time: tokens are read again when they have run out.
        await config.applyToHTTPSOptions(options)
      } catch (error) {
        throw new KubernetesError(0, `no credentials: ${messageOf(error)}`, { cause: error })
      }
      const request = (url.protocol === 'http:' ? requestHttp : requestHttps)(url, { ...options, signal })
      request.end()
      try {
        const [response] = (await once(request, 'response')) as [IncomingMessage]
        // What comes after the first answer is the reader's to hear.
        request.on('error', () => {})
        if (response.statusCode === 200) return response
        throw new KubernetesError(response.statusCode ?? 0, await refusalOf(response), {
          retryAfterMs: retryAfterMsOf(response),
        })
      } catch (error) {
        if (error instanceof KubernetesError) throw error
        throw new KubernetesError(0, messageOf(error), { cause: error })
      }
    },
  }
}

function configOf(access: KubernetesAccess): KubeConfig {
  const config = new KubeConfig()
  try {
    if (access.kind === 'in-cluster') config.loadFromCluster()
    else config.loadFromFile(access.path)
  } catch (error) {
    throw new RangeError(`${nameOf(access)}: ${messageOf(error)}`, { cause: error })
  }
  if (access.kind === 'file' && access.context !== undefined) {
    if (config.getContextObject(access.context) === null)
      throw new RangeError(`${access.path}: has no context ${JSON.stringify(access.context)}`)
    config.setCurrentContext(access.context)
  }
  return config
}

function nameOf(access: KubernetesAccess): string {
  return access.kind === 'file' ? access.path : 'the service account'
}

/** Of `Retry-After`, in seconds as API servers say it. */
function retryAfterMsOf({ headers }: IncomingMessage): number {
  const seconds = Number(headers['retry-after'])
  return seconds > 0 && seconds <= MAX_RETRY_AFTER_S ? seconds * 1000 : 0
}

async function refusalOf(response: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of response.setEncoding('utf8')) {
    text += String(chunk)
    if (text.length > MAX_REFUSAL_BYTES) break
  }
  try {
    const { message } = JSON.parse(text) as { message?: unknown }
    if (typeof message === 'string') return message
  } catch {
    // Not a Status of the API server: something before it answered.
  }
  return `${response.statusCode} ${response.statusMessage ?? ''}: ${text.slice(0, 200)}`
}

export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { code } = error as NodeJS.ErrnoException
  return error.message === '' && code !== undefined ? code : error.message
}
