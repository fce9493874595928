import { createServer, type IncomingMessage, type Server } from 'node:http'

/** A request as a service of the demo sees it. */
export interface ServiceCall {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly body: string
  /** W3C trace context, to be handed on. */
  readonly traceparent: string | undefined
}

export interface ServiceReply {
  readonly status: number
  /** Sent as JSON. */
  readonly body: unknown
}

export type Service = (call: ServiceCall) => Promise<ServiceReply>

export const NOT_FOUND: ServiceReply = { status: 404, body: { error: 'there is nothing here' } }

/** Most characters of a request's body; the demo's own have fifty. */
const MAX_BODY = 4096

/** Serves over HTTP; `onReply` is told of each answer that went out whole. */
export function serviceServer(service: Service, onReply: (status: number) => void): Server {
  return createServer((request, response) => {
    void answer(service, request).then(({ status, body }) => {
      response.once('finish', () => onReply(status))
      response.writeHead(status, { 'content-type': 'application/json' })
      return response.end(`${JSON.stringify(body)}\n`)
    })
  })
}

async function answer(service: Service, request: IncomingMessage): Promise<ServiceReply> {
  try {
    const { method = 'GET', url = '/', headers } = request
    const { pathname, searchParams } = new URL(url, 'http://service')
    const traceparent = headers['traceparent']
    return await service({
      method,
      path: pathname,
      query: searchParams,
      body: await readBody(request),
      traceparent: typeof traceparent === 'string' ? traceparent : undefined,
    })
  } catch (error) {
    return { status: 500, body: { error: error instanceof Error ? error.message : String(error) } }
  }
}

async function readBody(request: IncomingMessage): Promise<string> {
  let body = ''
  for await (const chunk of request.setEncoding('utf8')) {
    body += String(chunk)
    if (body.length > MAX_BODY) throw new Error(`a body has more than ${MAX_BODY} characters`)
  }
  return body
}
