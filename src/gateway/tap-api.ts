import { type Operation, type Parameter, problemResponse, schemaRef } from '../http/openapi.ts'
import { QUERY_PROBLEMS } from './query-api.ts'

function parameter(name: string, description: string, example?: unknown): Parameter {
  return {
    name,
    in: 'query',
    description,
    schema: { type: 'string' },
    ...(example === undefined ? {} : { example }),
  }
}

/** One frame to show. */
const FRAME = {
  events: [
    {
      time: '2026-11-24T10:00:00.123Z',
      direction: 'inbound',
      source: { namespace: 'emojivoto', kind: 'deployment', name: 'vote-bot' },
      destination: { namespace: 'emojivoto', kind: 'deployment', name: 'web', pod: 'web-7c8d-x2k' },
      method: 'GET',
      path: '/api/vote?choice=:doughnut:',
      status: 500,
      latencyMicros: 1234,
    },
  ],
  seen: 812,
  matched: 31,
  sent: 31,
  dropped: 0,
  sampledOut: 0,
}

export const TAP: Operation = {
  operationId: 'tap',
  summary: 'Requests as they happen',
  description:
    'As newline-delimited JSON, a frame a line, until the client goes; or, when asked for as a websocket, a frame of ' +
    'text each. All conditions must hold. A frame comes at least every second, without events when there are none.\n\n' +
    'A client that reads too slowly loses the oldest frames that wait for it, counted in `dropped`. The server closes a ' +
    'websocket with 1001 when it shuts down and with 1008 when the client sends messages; it pings every 20 s, and ' +
    'cuts a client that has not answered by the next ping. A client of lines is cut when it takes nothing for 5 min.\n\n' +
    'With `since` or `last` the first frames are of the past, read from the log in the order that it took them, and have ' +
    '`replay`. Its last is `done`, after which live frames follow without gap or repetition, or `cut`, with the reason.',
  tags: ['tap'],
  parameters: [
    parameter(
      'resource',
      '`KIND` or `KIND/NAME`: the side that reports. Without it everything.',
      'deploy/web',
    ),
    parameter('namespace', 'Where `resource` is.', 'emojivoto'),
    parameter('cluster', 'Where `resource` is.'),
    parameter('direction', 'Only reports of what is received (`inbound`) or sent (`outbound`).'),
    parameter('to', 'Only what `resource` sends to this one.'),
    parameter('to_namespace', 'Where `to` is.'),
    parameter('to_cluster', 'Where `to` is.'),
    parameter('from', 'Only what `resource` receives from this one.'),
    parameter('from_namespace', 'Where `from` is.'),
    parameter('from_cluster', 'Where `from` is.'),
    parameter('method', 'Only this method.', 'GET'),
    parameter('authority', 'Only this authority; `*` and `?` match any characters, or one.'),
    parameter('path', 'Only paths that begin so, or, with `*` or `?`, that match.', '/api/'),
    parameter('status', 'A status (`503`), a class of them (`5xx`), `success` or `failure`.'),
    parameter('min_latency', 'Only requests that took at least as long.', '250ms'),
    parameter('header', 'Only requests with this header: `NAME` or `NAME:VALUE`.'),
    {
      name: 'max_rps',
      in: 'query',
      description: 'Most events a second: a uniform sample of those that match.',
      schema: { type: 'number', default: 100 },
    },
    parameter(
      'since',
      'Begin with what the log took since then: a span (`5m`) or an RFC 3339 time, at most 7 days ago. `max_rps` does not ' +
        'apply to the past.',
    ),
    parameter('last', 'Begin with the last requests that match, at most 10,000.'),
  ],
  responses: {
    '101': { description: 'A websocket, where the client asked for one.' },
    '200': {
      description: 'Frames, one a line.',
      content: { 'application/x-ndjson': { schema: schemaRef('Tap'), example: FRAME } },
    },
    ...QUERY_PROBLEMS,
    '501': problemResponse('The past was asked for where there is no log to read it from.', {
      status: 501,
      title: 'Not Implemented',
      code: 'NO_REPLAY',
      detail: 'this gateway reads no log, so it has no past to show: …',
    }),
    '429': problemResponse('Too many taps are open.', {
      status: 429,
      title: 'Too Many Requests',
      code: 'TAP_LIMIT',
      detail: '1000 taps are open here already, as many as are allowed at a time',
    }),
  },
}
