import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { networkInterfaces } from 'node:os'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import t from 'tap'
import { startProxy } from '../../src/proxy/proxy.ts'
import { CapturingIngest } from '../reporter/capturing-ingest.ts'
import { ANYWHERE, closed, send, startRig, WEB } from './rig.ts'

/** A key that protects nothing, made for these tests. */
const fixture = (name: string): Buffer => readFileSync(new URL(`../fixtures/tls/${name}`, import.meta.url))
const cert = fixture('loopback-cert.pem')

t.test(
  'an upstream behind TLS must have a certificate for its own name, whatever the host in the request',
  async (t) => {
    const server = createTlsServer({ key: fixture('loopback-key.pem'), cert }, (request, response) => {
      response.end(`for ${request.headers.host}`)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const ingest = await CapturingIngest.start()
    const check = async (hostname: string): Promise<string> => {
      const proxy = await startProxy({
        workload: WEB,
        outbound: {
          listen: ANYWHERE,
          routes: [{ authority: '*', upstreams: [`https://${hostname}:${port}`] }],
        },
        ingestUrl: ingest.url,
        reporter: { flushMs: 1 },
      })
      const { status, body } = await send(proxy.outboundUrl!, { headers: { host: 'bank.example' } })
      await proxy.close()
      return `${status} ${body.toString()}`
    }
    t.match(await check('localhost'), /^502 .*self-signed certificate/)
    setDefaultCACertificates([...getCACertificates('default'), cert.toString()])
    t.equal(await check('localhost'), '200 for bank.example')
    t.equal(await check('127.0.0.1'), '200 for bank.example')
    t.same(
      ingest.requests.map(({ status, tls, scheme, reason }) => [status, tls, scheme, reason]),
      [
        [502, true, 'https', 'upstream-connect-failure'],
        [200, true, 'https', undefined],
        [200, true, 'https', undefined],
      ],
    )
    t.ok(ingest.connections.every(({ tls }) => tls === true))
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
    await ingest[Symbol.asyncDispose]()
  },
)

const hasIpv6 = Object.values(networkInterfaces()).some((list) =>
  list?.some(({ address }) => address === '::1'),
)

t.test('addresses of IPv6 work on both sides', { skip: hasIpv6 ? false : 'no IPv6 here' }, async (t) => {
  const server = createServer((_, response) => response.end('six'))
  await new Promise<void>((resolve) => server.listen(0, '::1', resolve))
  const upstream = `http://[::1]:${(server.address() as AddressInfo).port}`
  await using rig = await startRig(() => {}, { inbound: { listen: { host: '::1', port: 0 }, upstream } })
  t.match(rig.url, /^http:\/\/\[::1\]:\d+$/)
  t.equal((await send(rig.url)).body.toString(), 'six')
  t.same((await rig.ingest.requestsOnce(1))[0]!.source, { ip: '::1' })
  await closed(server)
})
