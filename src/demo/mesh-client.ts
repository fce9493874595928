import { Agent, request as httpRequest } from 'node:http'

export interface MeshReply {
  /** 0 where no answer came. */
  readonly status: number
  /** What it says, of JSON. */
  readonly body: unknown
}

export interface MeshRequest {
  readonly method?: 'GET' | 'POST'
  /** `web-svc.emojivoto:80`. */
  readonly authority: string
  readonly path: string
  readonly body?: string
  readonly traceparent?: string | undefined
}

const TIMEOUT_MS = 5000

/** Most characters kept of an answer; the longest of the demo has two thousand. */
const MAX_BODY = 64 * 1024

/** Calls other services through the outbound sidecar of its own. */
export class MeshClient {
  readonly #sidecarUrl: () => string
  readonly #onReply: (authority: string, status: number) => void
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 32 })

  /** `onReply` is told of each answer that arrived whole. */
  constructor(sidecarUrl: () => string, onReply: (authority: string, status: number) => void) {
    this.#sidecarUrl = sidecarUrl
    this.#onReply = onReply
  }

  /** Never rejects. */
  call({ method = 'GET', authority, path, body, traceparent }: MeshRequest): Promise<MeshReply> {
    return new Promise((resolve) => {
      const fail = (error: Error): void => resolve({ status: 0, body: { error: error.message } })
      const request = httpRequest(this.#sidecarUrl(), {
        method,
        path,
        agent: this.#agent,
        timeout: TIMEOUT_MS,
        headers: { host: authority, ...(traceparent === undefined ? {} : { traceparent }) },
      })
      request.on('error', fail)
      request.on('timeout', () => request.destroy(new Error(`no answer within ${TIMEOUT_MS} ms`)))
      request.on('response', (response) => {
        let text = ''
        response.setEncoding('utf8').on('error', fail)
        response.on('data', (chunk: string) => {
          if (text.length < MAX_BODY) text += chunk
        })
        response.on('end', () => {
          const status = response.statusCode ?? 0
          this.#onReply(authority, status)
          resolve({ status, body: parsed(text) })
        })
      })
      request.end(body)
    })
  }

  close(): void {
    this.#agent.destroy()
  }
}

/** An answer that is no JSON, as a sidecar's own, is its text. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return { error: text.trim() }
  }
}
