import type { Header, RequestEvent } from '../event/event.ts'
import type { Redaction } from '../rollup/redaction.ts'

/** The event without what is not shown; names stay, so that one sees that there was something. */
export function redact(event: RequestEvent, redaction: Redaction): RequestEvent {
  const { path, requestHeaders, responseHeaders } = event
  const shown = {
    ...(path === undefined ? {} : { path: redaction.url(path) }),
    ...(requestHeaders === undefined ? {} : { requestHeaders: headersOf(requestHeaders, redaction) }),
    ...(responseHeaders === undefined ? {} : { responseHeaders: headersOf(responseHeaders, redaction) }),
  }
  const isSame =
    shown.path === path &&
    shown.requestHeaders === requestHeaders &&
    shown.responseHeaders === responseHeaders
  return isSame ? event : { ...event, ...shown }
}

/** The same list where all of it is shown. */
function headersOf(headers: readonly Header[], redaction: Redaction): readonly Header[] {
  const shown = headers.map((header): Header => {
    const value = redaction.header(header.name, header.value)
    return value === header.value ? header : { name: header.name, value }
  })
  return shown.some((header, i) => header !== headers[i]) ? shown : headers
}
