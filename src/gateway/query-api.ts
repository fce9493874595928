import {
  type Operation,
  type Parameter,
  problemResponse,
  type ResponseDescription,
  type Schema,
  schemaRef,
} from '../http/openapi.ts'

/** What the OpenAPI document says of the routes that answer queries. */

function parameter(
  name: string,
  description: string,
  example?: unknown,
  schema: Schema = { type: 'string' },
): Parameter {
  return { name, in: 'query', description, schema, ...(example === undefined ? {} : { example }) }
}

const KIND_OR_NAME =
  '`KIND` or `KIND/NAME`, of the kinds namespace, deployment, statefulset, daemonset, replicaset, job, cronjob, pod, ' +
  'service, authority, route, cluster or all, and their short names (`ns`, `deploy`, `sts`, `ds`, `rs`, `po`, `svc`, …).'

const resource = (isRequired: boolean): Parameter => ({
  ...parameter('resource', KIND_OR_NAME, 'deploy/web'),
  required: isRequired,
})
const namespace = parameter('namespace', 'Only this namespace; without it all.', 'emojivoto')
const cluster = parameter('cluster', 'Only this cluster; without it all.', 'east')
const window: Parameter = parameter('window', 'How far back, from 10s to 7d.', '1m', {
  type: 'string',
  default: '1m',
})

const peer = [
  parameter(
    'to',
    'Only requests that the resource sends to this one: `KIND` or `KIND/NAME`.',
    'deploy/emoji',
  ),
  parameter('to_namespace', "Where `to` is; without it in the resource's namespace."),
  parameter('to_cluster', 'Where `to` is.'),
  parameter('from', 'Only requests that the resource gets from this one. Not together with `to`.'),
  parameter('from_namespace', "Where `from` is; without it in the resource's namespace."),
  parameter('from_cluster', 'Where `from` is.'),
]

/** Failures that any query may have. */
export const QUERY_PROBLEMS: Readonly<Record<string, ResponseDescription>> = {
  '400': problemResponse('A parameter cannot be taken. `parameter` names it.', {
    status: 400,
    title: 'Bad Request',
    code: 'BAD_PARAMETER',
    detail: "window: '5 minutes' cannot be read as a span of time; write 30s, 5m, 1h30m or 7d",
  }),
  '403': problemResponse('The request came by a name, or from a page, that is not allowed.', {
    status: 403,
    title: 'Forbidden',
    code: 'HOST_NOT_ALLOWED',
    detail:
      'the host "evil.example" is neither localhost, nor an IP address, nor one of the allowed hosts; …',
  }),
  '429': {
    ...problemResponse('Too much is asked at once.', {
      status: 429,
      title: 'Too Many Requests',
      code: 'OVERLOADED',
      detail: '128 queries are being answered; ask again in a moment',
    }),
    headers: {
      'retry-after': { description: 'Seconds to wait before asking again.', schema: { type: 'integer' } },
    },
  },
  '503': {
    ...problemResponse('No store answers.', {
      status: 503,
      title: 'Service Unavailable',
      code: 'STORE_UNAVAILABLE',
      detail: 'the store of the rollups does not answer: connection refused',
    }),
    headers: {
      'retry-after': { description: 'Seconds to wait before asking again.', schema: { type: 'integer' } },
    },
  },
}

function query(
  name: string,
  summary: string,
  description: string,
  parameters: readonly Parameter[],
  answer: string | readonly string[],
  example: unknown,
): Operation {
  return {
    operationId: name,
    summary,
    description,
    tags: ['queries'],
    parameters,
    responses: {
      '200': {
        description: 'The answer.',
        content: { 'application/json': { schema: answerSchema(answer), example } },
      },
      ...QUERY_PROBLEMS,
    },
  }
}

function answerSchema(answer: string | readonly string[]): Schema {
  return typeof answer === 'string' ? schemaRef(answer) : { oneOf: answer.map(schemaRef) }
}

/** A query that is answered again and again where it is asked for as a stream. */
function live(operation: Operation): Operation {
  const { responses } = operation
  const once = responses['200']!
  return {
    ...operation,
    description:
      `${operation.description}\n\nAsked for as a websocket, or with \`Accept: application/x-ndjson\` or \`stream=true\` as ` +
      'lines of JSON: first the whole answer, then every second what changed. A client that is slow is sent the whole again ' +
      'instead of what it missed.',
    parameters: [
      ...(operation.parameters ?? []),
      parameter('stream', 'Stream lines of JSON.', undefined, { type: 'string', enum: ['true'] }),
    ],
    responses: {
      ...responses,
      '101': { description: 'A websocket, where the client asked for one: a message of text each.' },
      '200': {
        ...once,
        content: {
          ...once.content,
          'application/x-ndjson': {
            schema: schemaRef('Live'),
            example: { sequence: 1, kind: 'whole', answer: once.content?.['application/json']?.example },
          },
        },
      },
    },
  }
}

const base = {
  window: {
    requested: '1m',
    from: '2026-11-24T09:59:00.000Z',
    to: '2026-11-24T10:00:05.000Z',
    seconds: 65,
  },
  watermark: '2026-11-24T10:00:05.000Z',
  partial: [],
}
const latencyMs = { p50: 1.2, p95: 8.9, p99: 21.4 }
const web = { cluster: 'east', namespace: 'emojivoto', kind: 'deployment', name: 'web' }
const emoji = { cluster: 'east', namespace: 'emojivoto', kind: 'deployment', name: 'emoji' }
const figures = { success: 0.98, rps: 9.8, requests: 637, failures: 13, latencyMs }

const by = parameter(
  'by',
  'Rows by resource; or by resource and reason, which is `StatByReason`.',
  'reason',
  {
    type: 'string',
    enum: ['resource', 'reason'],
    default: 'resource',
  },
)

export const STAT = live(
  query(
    'stat',
    'Success rate, request rate, latency and connections of resources',
    'Of what the resources receive; with `to` of what they send there, with `from` of what they receive from there. Without ' +
      'either, what has pods is there though nothing was heard of it.',
    [resource(true), namespace, cluster, ...peer, window, by],
    ['Stat', 'StatByReason'],
    {
      ...base,
      rows: [
        {
          ...web,
          ...figures,
          tcpOpen: 3,
          readBytesPerSecond: 1024,
          writeBytesPerSecond: 5120,
          meshed: 2,
          pods: { running: 3, pending: 0, failed: 0 },
        },
      ],
      latencyError: 0.011,
    },
  ),
)

export const TOP = live(
  query(
    'top',
    'The paths, or routes, with most requests',
    'Counts by path are bounded sketches: each has the error that it may be too high by. By route they are exact.',
    [
      resource(true),
      namespace,
      cluster,
      ...peer,
      window,
      parameter('by', 'Rows by path or by route.', 'path', {
        type: 'string',
        enum: ['path', 'route'],
        default: 'path',
      }),
      parameter('limit', 'Most rows.', 100, { type: 'integer', minimum: 1, maximum: 1000, default: 100 }),
      parameter('method', 'Only this method.', 'GET'),
      parameter('path', 'Only paths (or routes) that begin so.', '/api/'),
    ],
    'Top',
    {
      ...base,
      rows: [
        {
          cluster: 'east',
          source: { ...web, name: 'vote-bot' },
          destination: web,
          method: 'GET',
          path: '/api/list',
          count: 325,
          error: 0,
          rps: 5,
          success: 1,
          bestMs: 0.8,
          worstMs: 12.5,
          lastMs: 1.1,
          latencyMs: null,
        },
      ],
      by: 'path',
      total: 637,
    },
  ),
)

export const EDGES = query(
  'edges',
  'Who calls whom, and how securely',
  'Without `resource` all edges of the namespace, or of everything.',
  [resource(false), namespace, cluster, ...peer, window],
  'Edges',
  {
    ...base,
    rows: [
      {
        source: web,
        destination: emoji,
        secured: 1,
        clientIdentities: ['web.emojivoto.serviceaccount.identity.linkerd.cluster.local'],
        serverIdentities: ['emoji.emojivoto.serviceaccount.identity.linkerd.cluster.local'],
        ...figures,
        tcpOpen: 1,
      },
    ],
  },
)

export const ROUTES = query(
  'routes',
  'Success rate, request rate and latency by route',
  'Of the requests that the resources get; with `to` of those that they send there.',
  [resource(true), namespace, cluster, ...peer, window],
  'Routes',
  {
    ...base,
    rows: [
      {
        cluster: 'east',
        namespace: 'emojivoto',
        service: 'web-svc',
        route: '/api/vote',
        method: 'GET',
        ...figures,
      },
    ],
  },
)

export const TIMESERIES = query(
  'timeseries',
  'Success rate, request rate and latency over time',
  'As `stat`, by step. A step is a whole number of buckets; at most 1,000 make up the window.',
  [
    resource(true),
    namespace,
    cluster,
    ...peer,
    window,
    parameter('step', 'Length of a step; without it about a sixtieth of the window.', '10s'),
  ],
  'Timeseries',
  {
    ...base,
    stepSeconds: 10,
    series: [
      {
        ...web,
        points: [{ time: '2026-11-24T09:59:00.000Z', requests: 98, success: 1, rps: 9.8, latencyMs }],
      },
    ],
  },
)

export const RESOURCES = query(
  'resources',
  'What there is',
  'Everything that was seen in the window.',
  [resource(false), namespace, cluster, window],
  'Resources',
  { ...base, resources: [web, emoji] },
)
