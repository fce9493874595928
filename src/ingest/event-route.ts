import type { FastifyInstance } from 'fastify'
import { CONTENT_TYPES } from '../event/content-type.ts'
import { type Operation, schemaRef } from '../http/openapi.ts'
import type { BodyCodec } from './body-codec.ts'
import { EXAMPLE_EVENT } from './ingest-api.ts'
import { type Intake, sendOnce } from './intake.ts'
import { type AcceptedType, acceptedType } from './media-type.ts'
import { REFUSALS } from './refusals.ts'
import { NUMBER_PARAMETERS } from './request-number.ts'

const ACCEPTED: readonly AcceptedType<BodyCodec>[] = [
  { kind: 'json', essence: 'application/json' },
  { kind: 'ndjson', essence: 'application/x-ndjson' },
  { kind: 'eventBatch', essence: 'application/x-protobuf', proto: 'meshtap.v1.EventBatch' },
]

export function addEventRoute(app: FastifyInstance, intake: Intake): void {
  app.post('/v1/events', { config: { access: 'granted', operation: OPERATION } }, async (request, reply) => {
    const made = await intake.take(request, () => acceptedType(request.headers['content-type'], ACCEPTED))
    const answer = { accepted: made.events, unknownFields: made.unknownFields }
    return sendOnce(reply, 'application/json; charset=utf-8', JSON.stringify(answer))
  })
}

const OPERATION: Operation = {
  operationId: 'postEvents',
  summary: 'Takes request and connection events',
  description: 'All of the body is taken, or, where it is malformed, nothing.',
  tags: ['events'],
  parameters: NUMBER_PARAMETERS,
  requestBody: {
    required: true,
    content: {
      'application/json': {
        schema: { oneOf: [schemaRef('Event'), { type: 'array', items: schemaRef('Event') }] },
        example: [EXAMPLE_EVENT],
      },
      'application/x-ndjson': {
        schema: { type: 'string', description: 'One event a line.' },
        example: `${JSON.stringify(EXAMPLE_EVENT)}\n`,
      },
      [CONTENT_TYPES.eventBatch]: {
        schema: {
          type: 'string',
          format: 'binary',
          description:
            'The columnar batch of proto/event_batch.proto, for volume. One that its producer numbers is taken exactly ' +
            'once, and must fit one record of the log.',
        },
      },
    },
  },
  responses: {
    '200': {
      description: 'The log has the events.',
      content: {
        'application/json': { schema: schemaRef('Accepted'), example: { accepted: 1, unknownFields: 0 } },
      },
    },
    ...REFUSALS,
  },
}
