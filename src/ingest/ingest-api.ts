import type { ApiDescription, Schema } from '../http/openapi.ts'

const endpoint: Schema = {
  type: 'object',
  description: 'One end of a request. Every field may be left out.',
  properties: {
    cluster: { type: 'string' },
    namespace: { type: 'string' },
    kind: { type: 'string', description: 'Workload kind in the singular.', examples: ['deployment'] },
    name: { type: 'string', description: 'Workload name.' },
    pod: { type: 'string' },
    service: { type: 'string' },
    ip: { type: 'string' },
    port: { type: 'integer', minimum: 0, maximum: 65_535 },
    identity: { type: 'string', description: 'TLS identity, for example a SPIFFE id.' },
  },
}

const headers: Schema = {
  type: 'object',
  additionalProperties: { oneOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' } }] },
}

const count: Schema = { type: 'integer', minimum: 0 }

const shared = {
  time: {
    description: 'When the response ended: RFC 3339, or epoch milliseconds.',
    oneOf: [{ type: 'string', format: 'date-time' }, { type: 'number' }],
  },
  cluster: { type: 'string', description: 'Cluster of the endpoints that name none.' },
  direction: { enum: ['inbound', 'outbound'], description: 'The side whose proxy reports.' },
  proxy: { type: 'string', description: "The reporting proxy's id." },
  source: endpoint,
  destination: endpoint,
  tls: { type: 'boolean' },
}

const event: Schema = {
  description: 'A request, or what a proxy knows of its connections. Unknown fields are ignored and counted.',
  oneOf: [
    {
      type: 'object',
      required: ['time', 'direction', 'destination', 'latencyMicros'],
      properties: {
        kind: { const: 'request' },
        ...shared,
        method: { type: 'string' },
        scheme: { type: 'string' },
        authority: { type: 'string' },
        route: { type: 'string' },
        path: { type: 'string', description: 'As sent, with its query string.' },
        status: { type: 'integer', description: 'HTTP status.' },
        grpcStatus: { type: 'integer' },
        reset: { type: 'boolean', description: 'The stream was reset before it ended.' },
        reason: { type: 'string', description: 'Why it failed.' },
        latencyMicros: count,
        requestBytes: count,
        responseBytes: count,
        traceId: { type: 'string', pattern: '^[0-9a-fA-F]{32}$' },
        requestHeaders: headers,
        responseHeaders: headers,
      },
    },
    {
      type: 'object',
      required: ['kind', 'time', 'direction', 'destination'],
      properties: {
        kind: { const: 'connection' },
        ...shared,
        open: { ...count, description: 'Connections open now.' },
        opened: { ...count, description: 'Since the last event.' },
        closed: { ...count, description: 'Since the last event.' },
        readBytes: count,
        writtenBytes: count,
      },
    },
  ],
}

/** What the OpenAPI document says of the whole server. */
export const INGEST_API: Omit<ApiDescription, 'version'> = {
  title: 'meshtap ingest',
  description:
    'Takes the request events of proxies into the log. An answer of 2xx means that the log has them. Events are taken ' +
    'at least once; a body that its sender numbers, by the headers `Meshtap-Producer` and `Meshtap-Sequence` or, of an ' +
    '`EventBatch`, within, exactly once, however often it is sent.\n\n' +
    'Bodies may be compressed (`content-encoding`: gzip, deflate, br, zstd). Send a body again, as it was, after an ' +
    'answer of 429 or 503, or none, and not after any other.',
  tags: [
    { name: 'events', description: 'Taking events.' },
    { name: 'health', description: 'For probes.' },
    { name: 'documentation', description: 'What there is.' },
  ],
  schemas: {
    Event: event,
    Accepted: {
      type: 'object',
      required: ['accepted', 'unknownFields'],
      properties: {
        accepted: { ...count, description: 'Events that the log has now.' },
        unknownFields: { ...count, description: 'Fields that were ignored, because nothing knows them.' },
      },
    },
    Status: {
      type: 'object',
      description: 'A google.rpc.Status, as OTLP answers failures.',
      required: ['code', 'message'],
      properties: {
        code: { type: 'integer', description: 'gRPC code. Go by the HTTP status instead.' },
        message: { type: 'string' },
        details: { type: 'array', items: { type: 'object' } },
      },
    },
  },
}

/** An event to show. */
export const EXAMPLE_EVENT = {
  time: '2026-11-24T10:00:00.123Z',
  direction: 'inbound',
  proxy: 'web-7c8d-x2k',
  source: { namespace: 'emojivoto', kind: 'deployment', name: 'vote-bot', pod: 'vote-bot-5d8-q9' },
  destination: {
    namespace: 'emojivoto',
    kind: 'deployment',
    name: 'web',
    pod: 'web-7c8d-x2k',
    service: 'web-svc',
  },
  method: 'GET',
  authority: 'web-svc.emojivoto:80',
  path: '/api/vote?choice=:doughnut:',
  status: 200,
  latencyMicros: 1234,
  responseBytes: 512,
  tls: true,
}
