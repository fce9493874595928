import type { Header, RequestEvent } from '../event/event.ts'

const SECRET_HEADERS: ReadonlySet<string> = new Set([
  'authorization',
  'proxy-authorization',
  'cookie',
  'set-cookie',
])

/** What stands for a value that is not shown. */
export const REDACTED = '[redacted]'

/** Whether the values of a header, by its name in any case, are never shown. */
export function isSecretHeader(name: string): boolean {
  return SECRET_HEADERS.has(name.toLowerCase())
}

/** The event without the values of secret headers; the names stay, so that one sees that they were sent. */
export function redact(event: RequestEvent): RequestEvent {
  const { requestHeaders, responseHeaders } = event
  if (!holdsSecret(requestHeaders) && !holdsSecret(responseHeaders)) return event
  return {
    ...event,
    ...(requestHeaders === undefined ? {} : { requestHeaders: requestHeaders.map(withoutSecret) }),
    ...(responseHeaders === undefined ? {} : { responseHeaders: responseHeaders.map(withoutSecret) }),
  }
}

function holdsSecret(headers: readonly Header[] | undefined): boolean {
  return headers?.some(({ name }) => isSecretHeader(name)) === true
}

function withoutSecret(header: Header): Header {
  return isSecretHeader(header.name) ? { name: header.name, value: REDACTED } : header
}
