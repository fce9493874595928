import t from 'tap'
import { checkDocument } from '../http/openapi-checks.ts'
import { ingestServer } from './ingest-server.ts'

t.test('the document is valid and has every route', async (t) => {
  const { app } = await ingestServer(t)
  await checkDocument(t, app, [
    'POST /v1/events',
    'POST /v1/traces',
    'GET /livez',
    'GET /readyz',
    'GET /api/openapi.json',
    'GET /api/docs/',
  ])
})

t.test('a server is ready when its owner says so', async (t) => {
  const { app } = await ingestServer(t, {
    ready: () => ({ ready: false, reason: 'the log is not open yet' }),
  })
  t.match((await app.inject('/readyz')).json(), {
    status: 503,
    code: 'NOT_READY',
    detail: 'the log is not open yet',
  })
  t.equal((await app.inject('/livez')).statusCode, 200)
})
