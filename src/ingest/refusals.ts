import { problemResponse, type ResponseDescription } from '../http/openapi.ts'

const retryAfter = {
  'retry-after': { description: 'Seconds to wait before sending again.', schema: { type: 'integer' } },
}

/** The answers that a route taking events may refuse with, by status. */
export const REFUSALS: Readonly<Record<string, ResponseDescription>> = {
  '400': problemResponse('The body is malformed; nothing of it was taken. `at` is the place.', {
    status: 400,
    title: 'Bad Request',
    code: 'BODY_MALFORMED',
    detail: '[2].latencyMicros: expected a whole number, found "fast"',
  }),
  '403': problemResponse('The request came by a name, or from a page, that is not allowed.', {
    status: 403,
    title: 'Forbidden',
    code: 'ORIGIN_NOT_ALLOWED',
    detail:
      'pages of "https://evil.example" may not use this server, which was asked for as "localhost:4318"',
  }),
  '413': problemResponse('The body, or a record made of it, is too large. Send fewer events at once.', {
    status: 413,
    title: 'Payload Too Large',
    code: 'BODY_TOO_LARGE',
    detail: 'the body is larger than 20971520 bytes, compressed or inflated; send fewer events at once',
  }),
  '415': problemResponse('The content type or encoding is not one of those that are read.', {
    status: 415,
    title: 'Unsupported Media Type',
    code: 'UNSUPPORTED_MEDIA_TYPE',
    detail: 'bodies of content-type "text/plain" are not read here; send one of: application/json, …',
  }),
  '429': {
    ...problemResponse('The log is behind: too many bytes are on their way into it.', {
      status: 429,
      title: 'Too Many Requests',
      code: 'OVERLOADED',
      detail: 'too many bytes of events are on their way into the log; send them again in a moment',
    }),
    headers: retryAfter,
  },
  '503': {
    ...problemResponse('The log does not take events now. Part of the body may have been taken.', {
      status: 503,
      title: 'Service Unavailable',
      code: 'LOG_UNAVAILABLE',
      detail: 'the log does not take events now; send them again later: no broker answers',
    }),
    headers: retryAfter,
  },
}
