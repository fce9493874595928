import type { FastifyInstance } from 'fastify'
import { type Operation, type ResponseDescription, schemaRef } from '../http/openapi.ts'
import type { ProblemAnswers, ProblemEncoding } from '../http/problem-answers.ts'
import type { BodyCodec } from './body-codec.ts'
import { type Intake, sendOnce } from './intake.ts'
import { type AcceptedType, acceptedType, parseMediaType } from './media-type.ts'
import { type OtlpEncoding, otlpProblemEncoding, otlpSuccess } from './otlp-answers.ts'
import { REFUSALS } from './refusals.ts'
import { NUMBER_PARAMETERS } from './request-number.ts'

const MESSAGE = 'opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest'

const ACCEPTED: readonly AcceptedType<OtlpEncoding>[] = [
  { kind: 'protobuf', essence: 'application/x-protobuf', proto: MESSAGE },
  { kind: 'json', essence: 'application/json' },
]

const CODECS: Readonly<Record<OtlpEncoding, BodyCodec>> = { protobuf: 'otlpTraces', json: 'otlpTracesJson' }

/** Adds `POST /v1/traces`: OTLP/HTTP, whose failures have a body of their own, see `otlp-answers.ts`. */
export function addTraceRoute(app: FastifyInstance, intake: Intake, problems: ProblemAnswers): void {
  app.post(
    '/v1/traces',
    {
      config: { access: 'granted', operation: OPERATION },
      errorHandler: (error, request, reply) =>
        problems.send(error, request, reply, encodingOf(request.headers['content-type'])),
    },
    async (request, reply) => {
      let encoding: OtlpEncoding = 'protobuf'
      await intake.take(request, () => {
        encoding = acceptedType(request.headers['content-type'], ACCEPTED)
        return CODECS[encoding]
      })
      const { contentType, body } = otlpSuccess(encoding)
      return sendOnce(reply, contentType, body)
    },
  )
}

/** Undefined, so `application/problem+json`, for a client that does not speak OTLP. */
function encodingOf(header: string | undefined): ProblemEncoding | undefined {
  const essence = header === undefined ? undefined : parseMediaType(header)?.essence
  const accepted = ACCEPTED.find((type) => type.essence === essence)
  return accepted === undefined ? undefined : otlpProblemEncoding(accepted.kind)
}

/** As a `google.rpc.Status` in the encoding of the request. */
function asStatus(response: ResponseDescription): ResponseDescription {
  const { headers, description } = response
  return {
    description,
    ...(headers === undefined ? {} : { headers }),
    content: {
      'application/json': { schema: schemaRef('Status') },
      'application/x-protobuf': { schema: { type: 'string', format: 'binary' } },
    },
  }
}

const { '415': unsupported, ...refusals } = REFUSALS

const OPERATION: Operation = {
  operationId: 'postTraces',
  summary: 'Takes the requests among OTLP spans',
  description:
    'OTLP/HTTP. Spans of kind server and client are requests, others are skipped. Failures are answered with a ' +
    '`google.rpc.Status` in the encoding of the request, as OTLP prescribes.',
  tags: ['events'],
  parameters: NUMBER_PARAMETERS,
  requestBody: {
    description: 'An `ExportTraceServiceRequest`.',
    required: true,
    content: {
      'application/x-protobuf': { schema: { type: 'string', format: 'binary' } },
      'application/json': { schema: { type: 'object' }, example: { resourceSpans: [] } },
    },
  },
  responses: {
    '200': {
      description: 'The log has the spans: an `ExportTraceServiceResponse` in the encoding of the request.',
      content: {
        'application/json': { schema: { type: 'object' }, example: {} },
        'application/x-protobuf': { schema: { type: 'string', format: 'binary' } },
      },
    },
    ...Object.fromEntries(Object.entries(refusals).map(([status, response]) => [status, asStatus(response)])),
    ...(unsupported === undefined ? {} : { '415': unsupported }),
  },
}
