import type { FastifyRequest } from 'fastify'
import { RequestError } from '../event/request-error.ts'

/** The parameters of a request's URL by name. One that is given twice is a mistake, not a list. */
export function urlParameters(request: FastifyRequest): Readonly<Record<string, string>> {
  const parameters = Object.create(null) as Record<string, string>
  for (const [name, value] of Object.entries(request.query as Record<string, string | readonly string[]>)) {
    // It is what the request was admitted by.
    if (name === 'ticket' && request.ws) continue
    if (typeof value !== 'string') throw new RequestError(name, 'is given more than once')
    parameters[name] = value
  }
  return parameters
}
