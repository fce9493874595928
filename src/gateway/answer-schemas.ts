import type { Schema } from '../http/openapi.ts'
import { schemaRef } from '../http/openapi.ts'

/** JSON Schemas of the answers in src/query/answer.ts; a test holds real answers against them. */

type Properties = Readonly<Record<string, Schema>>

/** An object whose properties are all there, but for those of `optional`. */
function object(properties: Properties, optional: Properties = {}, description?: string): Schema {
  return {
    type: 'object',
    ...(description === undefined ? {} : { description }),
    required: Object.keys(properties),
    properties: { ...properties, ...optional },
  }
}

function array(items: Schema, description?: string): Schema {
  return { type: 'array', ...(description === undefined ? {} : { description }), items }
}

const text = (description: string): Schema => ({ type: 'string', description })
const time = (description: string): Schema => ({ type: 'string', format: 'date-time', description })
const count = (description: string): Schema => ({ type: 'integer', minimum: 0, description })
const number = (description: string): Schema => ({ type: 'number', minimum: 0, description })
const share = (description: string): Schema => ({ type: 'number', minimum: 0, maximum: 1, description })
const orNull = (schema: Schema): Schema => ({ ...schema, type: [schema['type'], 'null'] })
const refOrNull = (name: string, description: string): Schema => ({
  description,
  oneOf: [schemaRef(name), { type: 'null' }],
})

const KINDS = [
  'cluster',
  'namespace',
  'deployment',
  'statefulset',
  'daemonset',
  'replicaset',
  'job',
  'cronjob',
  'pod',
  'service',
  'authority',
  'route',
]
const kind: Schema = { type: 'string', enum: KINDS, description: 'Kind of the resource.' }

const identity: Properties = {
  cluster: text('Its cluster.'),
  namespace: text('Its namespace.'),
  kind,
  name: text('Its name.'),
}

const success = orNull(share('Successes over requests; null where there were no requests.'))
const rps = orNull(number('Requests a second; null where there were none.'))
const requests = count('Requests in the window.')
const failures = count('Those of them that failed.')
const latencyMs = refOrNull('Latency', 'Null where there were no requests.')

const base: Properties = {
  window: schemaRef('Window'),
  watermark: orNull(
    time('Event time up to which every partition is known to be folded; null where nothing ever was.'),
  ),
  partial: array(
    object({ source: text('The cluster or peer.'), reason: text('Why its data is missing.') }),
    'Clusters or peers whose data is missing from this answer.',
  ),
}
const narrowed: Properties = {
  narrowedTo: array(
    { type: 'string' },
    'Where who asks may not see all: the namespaces that the answer is of, as patterns `cluster/namespace`.',
  ),
}
const empty: Properties = { ...narrowed, empty: schemaRef('Empty') }

export const ANSWER_SCHEMAS: Readonly<Record<string, Schema>> = {
  Window: object(
    {
      requested: text('As asked for.'),
      from: time('Start.'),
      to: time('End.'),
      seconds: number('Its true length, which rates are divided by.'),
    },
    {},
    'The time that the answer covers.',
  ),
  Latency: object(
    { p50: number('Median.'), p95: number('95th percentile.'), p99: number('99th percentile.') },
    {},
    'Milliseconds.',
  ),
  Empty: object(
    {
      kind: { type: 'string', enum: ['nothing-at-all', 'unknown-resource', 'not-in-window'] },
      message: text('For people.'),
      seen: array({ type: 'string' }, 'Resources that were seen instead, at most 10.'),
    },
    {},
    'Why there are no rows.',
  ),
  Workload: object({
    cluster: text('Its cluster.'),
    namespace: text('Its namespace.'),
    kind: text('Its kind; empty where unknown.'),
    name: text('Its name; empty where unknown.'),
  }),
  Pods: object(
    { running: count('Running.'), pending: count('Not yet running.'), failed: count('Failed.') },
    {},
    'Pods by phase. Those that are done are not counted.',
  ),
  Stat: object(
    {
      ...base,
      rows: array(
        object({
          ...identity,
          success,
          rps,
          requests,
          failures,
          latencyMs,
          tcpOpen: orNull(count('Open TCP connections; null where no proxy reports any.')),
          readBytesPerSecond: orNull(number('Null where no proxy reports connections.')),
          writeBytesPerSecond: orNull(number('Null where no proxy reports connections.')),
          meshed: orNull(count('Reporting pods heard of in the last 60 s; null for kinds without pods.')),
          pods: refOrNull(
            'Pods',
            "Those that there are now, where their cluster's Kubernetes is watched; else null, and for kinds without pods.",
          ),
        }),
        'By kind, then cluster, namespace, name.',
      ),
      latencyError: share('Largest relative error of a latency quantile.'),
    },
    empty,
  ),
  StatByReason: object(
    {
      ...base,
      by: { type: 'string', enum: ['reason'] },
      rows: array(
        object({
          ...identity,
          reason: text(
            "The proxy's word for how requests ended; empty where none was given, `__overflow__` for many rare ones.",
          ),
          requests,
          failures,
          rps: number('Requests a second.'),
          share: share('Of all requests of the resource.'),
          statuses: array(
            object({
              status: orNull(count('HTTP status; null where no response came.')),
              grpcStatus: orNull(count('Null where there is none.')),
              requests: count('Requests so answered.'),
              failures,
            }),
            'How they were answered, but for successes without a reason; the most frequent first, at most 10.',
          ),
        }),
        'By kind, then cluster, namespace, name; of each those with most failures, then with most requests, first.',
      ),
    },
    empty,
    'The counts of `stat` by reason, which add up to those of `stat`. Latency is not kept by reason.',
  ),
  Top: object(
    {
      ...base,
      rows: array(
        object({
          cluster: text('The cluster.'),
          source: schemaRef('Workload'),
          destination: schemaRef('Workload'),
          method: text('The method.'),
          path: text('The path, or the route when rows are by route.'),
          count: count('At least the true number of requests.'),
          error: count('How many more than the true number `count` may be; 0 where counts are exact.'),
          rps: number('Requests a second.'),
          success: share('Successes over requests.'),
          bestMs: orNull(number('Shortest latency, milliseconds; null by route.')),
          worstMs: orNull(number('Longest latency, milliseconds; null by route.')),
          lastMs: orNull(number('Latency of the last request, milliseconds; null by route.')),
          latencyMs: refOrNull('Latency', 'Null by path.'),
        }),
        'By count, descending.',
      ),
      by: { type: 'string', enum: ['path', 'route'] },
      total: count("Requests of all rows, those beyond the answer's limit included."),
    },
    empty,
  ),
  Edges: object(
    {
      ...base,
      rows: array(
        object({
          source: schemaRef('Workload'),
          destination: schemaRef('Workload'),
          secured: orNull(
            share('Share of requests over TLS, as either side says; null where no proxy does.'),
          ),
          clientIdentities: array(text('TLS identity of the source.'), 'By text, at most 8.'),
          serverIdentities: array(text('TLS identity of the destination.'), 'By text, at most 8.'),
          success,
          rps,
          requests,
          failures,
          latencyMs,
          tcpOpen: orNull(count('Open TCP connections; null where no proxy reports any.')),
        }),
        'By source, then destination.',
      ),
    },
    empty,
  ),
  Routes: object(
    {
      ...base,
      rows: array(
        object({
          cluster: text('The cluster.'),
          namespace: text('The namespace.'),
          service: text('The service.'),
          route: text('`[DEFAULT]` where a request had neither route nor path.'),
          method: text('The method.'),
          success,
          rps,
          requests,
          failures,
          latencyMs,
        }),
        'By service, then route, then method.',
      ),
    },
    empty,
  ),
  Timeseries: object(
    {
      ...base,
      stepSeconds: number('Length of a step.'),
      series: array(
        object({
          ...identity,
          points: array(
            object({
              time: time('Start of the step.'),
              requests,
              success,
              rps: number('Requests a second.'),
              latencyMs,
            }),
          ),
        }),
      ),
    },
    empty,
  ),
  Resources: object(
    {
      ...base,
      resources: array(object(identity), 'Everything seen in the window, by cluster, namespace, kind, name.'),
    },
    narrowed,
  ),
  Tap: object(
    {
      events: array(
        object(
          {
            time: time('When the response ended.'),
            direction: { type: 'string', enum: ['inbound', 'outbound'] },
          },
          {},
          'A request event in the shape that `POST /v1/events` takes.',
        ),
      ),
      seen: count(
        'Events that were folded since the tap began; of a tap that may not show all, as many as matched.',
      ),
      matched: count('Those of them that match the query.'),
      sent: count('Those of them that were sent to this client.'),
      dropped: count(
        'Matching events that this client did not get because it read too slowly, or because they were lost between aggregator and gateway.',
      ),
      sampledOut: count('Matching events left out to keep to `max_rps`.'),
    },
    {
      replay: object(
        {
          state: {
            type: 'string',
            enum: ['running', 'done', 'cut'],
            description:
              'Of the past: what follows after `done` or `cut` is live. After `cut` something between is missing.',
          },
        },
        { reason: text('Why it was cut.') },
      ),
      narrowedTo: array(
        { type: 'string' },
        'Of the first frame, where who asks may not see all: the namespaces that the tap is of, as patterns `cluster/namespace`.',
      ),
    },
  ),
  Live: {
    description:
      'A message of a live answer. `whole` has all of it. `change` has what differs from the message before: the answer ' +
      'without its rows, the rows that changed or are new, and the keys of those that are gone. After `failure` what was ' +
      'answered before stands. A `sequence` that is not one more means, but for `whole`, that something is missing.',
    type: 'object',
    required: ['sequence', 'kind'],
    properties: {
      sequence: count('Number of the message.'),
      kind: { type: 'string', enum: ['whole', 'change', 'failure'] },
      answer: { type: 'object', description: 'As the answer in JSON; of a `change` without `rows`.' },
      changed: array({ type: 'object' }, 'Rows.'),
      removed: array(
        { type: 'array', items: { type: 'string' } },
        'Keys: of `stat` kind, cluster, namespace and name, by reason the reason too; of `top` cluster, then cluster, namespace, kind and name of source ' +
          'and destination, method and path.',
      ),
      problem: object({ code: text('What failed.'), detail: text('For people.') }),
    },
  },
}
