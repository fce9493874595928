import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { get, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import t, { type Test } from 'tap'
import { startServe } from '../../src/app/serve.ts'
import { serveSettings } from '../../src/config/serve-settings.ts'
import { SettingError } from '../../src/config/setting.ts'
import { createLogger } from '../../src/telemetry/logger.ts'

function optionsOf(t: Test, flags: Readonly<Record<string, string>> = {}) {
  const logger = createLogger({ isTerminal: false })
  logger.level = 'silent'
  const data = `${t.testdir()}/data`
  const listen = '127.0.0.1:0'
  const settings = serveSettings({ data, listen, 'ingest-listen': listen, ...flags }, {})
  return { settings, version: '0.0.0', logger, onFatal: (error: unknown) => t.fail(String(error)) }
}

t.test('a stop waits once for clients that do not finish, not once a server', async (t) => {
  const running = await startServe(optionsOf(t))
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
  await running.close()
  t.ok(performance.now() - startMs < 8_000)
})

t.test('a bad route pattern is a bad setting, before anything is opened', async (t) => {
  const options = optionsOf(t, { routes: '/ok,users' })
  await t.rejects(startServe(options), { message: /^--routes: route pattern "users": must begin with/ })
  await t.rejects(startServe(options), SettingError)
  t.notOk(existsSync(options.settings.data))
})

t.test('a port in use is said with its address and the setting that gives another', async (t) => {
  const first = await startServe(optionsOf(t))
  const address = new URL(first.gatewayUrl).host
  for (const setting of ['listen', 'ingest-listen']) {
    await t.test(setting, async (t) => {
      await t.rejects(startServe(optionsOf(t, { [setting]: address })), {
        code: 'EADDRINUSE',
        message:
          `cannot listen on ${address}: something else listens there. Another address is given with ` +
          `--${setting} or MESHTAP_${setting.toUpperCase().replace('-', '_')}`,
      })
    })
  }
  await first.close()
})

t.test('both servers are reached by a name that is allowed, and by no other', async (t) => {
  const running = await startServe(optionsOf(t, { 'allowed-hosts': 'mesh.example.com' }))
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
  await running.close()
})
