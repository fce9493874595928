import type { IncomingMessage } from 'node:http'

export interface RequestLine {
  readonly authority: string | undefined
  /** With the query string. */
  readonly path: string
}

/** What a request asks for; of one to a forward proxy, the URL's host counts (RFC 9112, section 3.2.2). */
export function requestLine(request: IncomingMessage): RequestLine {
  const { url = '/', headers } = request
  const [, authority, path = ''] = /^http:\/\/([^/?#]+)(.*)$/i.exec(url) ?? []
  if (authority === undefined) return { authority: headers.host || undefined, path: url }
  return { authority, path: path.startsWith('/') ? path : `/${path}` }
}
