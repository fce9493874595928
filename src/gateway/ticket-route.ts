import type { FastifyInstance } from 'fastify'
import type { Operation } from '../http/openapi.ts'
import type { Admission } from './admission.ts'
import { QUERY_PROBLEMS } from './query-api.ts'

export const TICKETS_PATH = '/api/v1/tickets'

/** Adds `POST /api/v1/tickets`: a ticket for a token, to open one websocket with. */
export function addTicketRoute(app: FastifyInstance, admission: Admission): void {
  app.post(TICKETS_PATH, { config: { operation: TICKET, access: 'granted' } }, async (request, reply) => {
    const { text, expiresMs } = admission.issueTicket(request)
    return reply.code(201).send({ ticket: text, expires: new Date(expiresMs).toISOString() })
  })
}

const TICKET: Operation = {
  operationId: 'ticket',
  summary: 'A ticket to open one websocket with',
  description:
    'Browsers send no header with a websocket, and a token has no place in a URL. So who has a token gets a ticket for ' +
    'it, and within 30 s opens one websocket with `?ticket=TICKET`, or with the subprotocols `meshtap` and ' +
    '`meshtap.ticket.TICKET`. It may see what the token may.',
  tags: ['tap'],
  responses: {
    '201': {
      description: 'The ticket.',
      content: {
        'application/json': {
          schema: {
            type: 'object',
            required: ['ticket', 'expires'],
            properties: {
              ticket: {
                type: 'string',
                description: 'Good once, at this gateway or one with the same secret.',
              },
              expires: { type: 'string', format: 'date-time', description: 'When it is good no more.' },
            },
          },
          example: { ticket: 'WyI0Yj….GfT8x…', expires: '2026-11-24T10:00:30.000Z' },
        },
      },
    },
    ...QUERY_PROBLEMS,
  },
}
