import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import t, { type Test } from 'tap'
import { roleMetrics } from '../../src/app/metrics/role-metrics.ts'
import { Parts } from '../../src/app/parts.ts'
import { startServe } from '../../src/app/serve.ts'
import { roleSettings } from '../../src/config/role-settings.ts'
import { createLogger } from '../../src/telemetry/logger.ts'
import { TroubleLog } from '../../src/telemetry/trouble-log.ts'

async function contextOf(t: Test, given: Readonly<Record<string, string>> = {}) {
  const logger = createLogger({ level: 'silent', format: 'json' })
  const listen = '127.0.0.1:0'
  const flags = {
    data: `${t.testdir()}/data`,
    listen,
    'ingest-listen': listen,
    'grpc-listen': listen,
    ...given,
  }
  const settings = await roleSettings('serve', { flags, environment: {} })
  const trouble = new TroubleLog(logger, Date.now)
  const parts = new Parts()
  t.teardown(() => parts.close())
  return {
    settings,
    version: '0.0.0',
    logger,
    trouble,
    metrics: roleMetrics({ role: 'serve', version: '0.0.0', trouble }),
    parts,
    onFatal: (error: unknown) => t.fail(String(error)),
  }
}

t.test('a stop waits once for clients that do not finish, not once a server', async (t) => {
  const context = await contextOf(t)
  const running = await startServe(context)
  for (const url of [running.gatewayUrl, running.ingestUrl]) {
    const { host, hostname, port } = new URL(url)
    const client = connect(Number(port), hostname)
    client.on('error', () => undefined)
    t.teardown(() => client.destroy())
    await once(client, 'connect')
    // The answer says that the request has been taken, which is never finished.
    client.write(
      `POST /v1/events HTTP/1.1\r\nhost: ${host}\r\nexpect: 100-continue\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n`,
    )
    await once(client, 'data')
  }
  const startMs = performance.now()
  await context.parts.close()
  t.ok(performance.now() - startMs < 4_000)
})

t.test('a port in use is said with its address and the setting that gives another', async (t) => {
  const first = await startServe(await contextOf(t))
  const address = new URL(first.gatewayUrl).host
  for (const setting of ['listen', 'ingest-listen', 'grpc-listen']) {
    await t.test(setting, async (t) => {
      await t.rejects(startServe(await contextOf(t, { [setting]: address })), {
        code: 'EADDRINUSE',
        message:
          `cannot listen on ${address}: something else listens there. Another address is given with ` +
          `--${setting} or MESHTAP_${setting.toUpperCase().replace('-', '_')}`,
      })
    })
  }
})

t.test('both servers are reached by a name that is allowed, and by no other', async (t) => {
  const running = await startServe(await contextOf(t, { 'allowed-hosts': 'mesh.example.com' }))
  for (const url of [running.gatewayUrl, running.ingestUrl]) {
    for (const [host, status] of [
      ['mesh.example.com', 200],
      ['evil.example', 403],
    ] as const) {
      const request = get(`${url}/api/openapi.json`, { headers: { host }, agent: false })
      const [response] = (await once(request, 'response')) as [IncomingMessage]
      response.resume()
      t.equal(response.statusCode, status, `${url} as ${host}`)
    }
  }
})
