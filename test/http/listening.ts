import type { FastifyInstance } from 'fastify'

/** Listens on a free port of the loopback interface and answers it. */
export async function listening(app: FastifyInstance): Promise<number> {
  await app.listen({ port: 0, host: '127.0.0.1' })
  const address = app.server.address()
  if (address === null || typeof address === 'string') throw new Error('BUG: not listening on a port')
  return address.port
}
