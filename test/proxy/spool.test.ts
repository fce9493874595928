import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { startProxy } from '../../src/proxy/proxy.ts'
import { freePort } from '../../stack/free-port.ts'
import { CapturingIngest } from '../reporter/capturing-ingest.ts'

t.test('what a sidecar cannot report before it stops, its next life does', async (t) => {
  const spool = { directory: join(t.testdir(), 'spool') }
  const server = createServer((_request, response) => response.end('hello'))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const start = (ingestUrl: string) =>
    startProxy({
      workload: { namespace: 'shop', kind: 'deployment', name: 'web' },
      inbound: {
        listen: { host: '127.0.0.1', port: 0 },
        upstream: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      },
      ingestUrl,
      spool,
    })
  const first = await start(`http://127.0.0.1:${await freePort()}`)
  await t.rejects(start('http://127.0.0.1:1'), { code: 'SPOOL_IN_USE' })
  for (let i = 0; i < 5; i++) await (await fetch(`${first.inboundUrl}/${i}`)).text()
  await first.close()
  const { reporter } = first.stats
  t.ok(reporter.sent === 0 && reporter.spool!.events === reporter.reported)

  await using ingest = await CapturingIngest.start()
  await using second = await start(ingest.url)
  await (await fetch(`${second.inboundUrl}/5`)).text()
  const requests = await ingest.requestsOnce(6)
  t.same(
    requests.map(({ path }) => path),
    ['/0', '/1', '/2', '/3', '/4', '/5'],
  )
})
