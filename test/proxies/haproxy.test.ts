import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import t from 'tap'
import { freePort } from '../../stack/free-port.ts'
import { startHaproxy } from '../../stack/proxies.ts'
import { deployed } from './deployed.ts'
import { emojiServers } from './emoji-servers.ts'
import { Load, tcpConnections } from './load.ts'
import { pushed, until } from './pushed.ts'
import { kindOf, requestsOf, tally, wordsOf } from './tally.ts'

t.test('what HAProxy writes is pushed as it happened', async (t) => {
  const directory = mkdtempSync(`${tmpdir()}/meshtap-haproxy-`)
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))

  const servers = await emojiServers(t)
  const [webPort, databasePort, nobody] = [await freePort(), await freePort(), await freePort()]
  const haproxy = await startHaproxy({
    directory,
    config: deployed('haproxy/haproxy.cfg', [
      // Its lines among its own messages, as in a container.
      ['log ring@meshtap', 'log stdout'],
      ['timeout server 30s', 'timeout server 2s'],
      ['127.0.0.1:8000', `127.0.0.1:${webPort}`],
      ['127.0.0.1:8080', `127.0.0.1:${servers.httpPort}`],
      ['127.0.0.1:5433', `127.0.0.1:${databasePort}`],
      ['127.0.0.1:5432', `127.0.0.1:${nobody}`],
    ]),
  })
  t.teardown(() => haproxy.kill())
  const load = new Load(t, webPort)
  await load.http1('ok', 60)
  await load.http1('fail', 7)
  // A connection to nobody is tried for some seconds.
  await Promise.all([load.http1('hang', 5), tcpConnections(databasePort, 3, 'vote')])
  // On a connection that it uses again HAProxy writes nothing down, closes the client's too, and has the client try again.
  await new Load(t, webPort, { keepAlive: false }).http1('reset', 6)
  for (let i = 0; i < 4; i++) await load.get(`/wait/${i}`, { giveUp: servers.arrival(`/wait/${i}`) })
  await load.get('/ok/escaped?a="b\\c"', { host: 'a"b\\c' })

  const isLine = (line: string): boolean => line.startsWith('{')
  const lines = await until(
    () => readFileSync(haproxy.log, 'utf8').split('\n').filter(isLine),
    (all) => all.length >= 86,
  )
  const events = await pushed(t, 'haproxy', lines.join('\n'))
  for (const direction of ['inbound', 'outbound'] as const) {
    t.strictSame(
      tally(requestsOf(events, direction).map(wordsOf).map(kindOf)),
      tally([
        ...Array<string>(60).fill('/ok 200'),
        ...Array<string>(7).fill('/fail 500'),
        // HAProxy's words: the server closed it before it answered; it was silent for too long; the client went away.
        ...Array<string>(6).fill('/reset 502 reset SH'),
        ...Array<string>(5).fill('/hang 504 reset sH'),
        ...Array<string>(4).fill('/wait reset CH'),
        '/ok/escaped?a="b\\c" 200',
      ]),
      direction,
    )
  }
  const [inbound] = requestsOf(events, 'inbound')
  t.match(inbound, {
    source: { ip: '127.0.0.1' },
    destination: { namespace: 'edge', kind: 'deployment', name: 'haproxy' },
    method: 'GET',
    scheme: 'http',
    tls: false,
  })
  const [outbound] = requestsOf(events, 'outbound')
  t.match(outbound, {
    source: { namespace: 'edge', kind: 'deployment', name: 'haproxy' },
    destination: { service: 'web', ip: '127.0.0.1', port: servers.httpPort },
  })
  t.ok(requestsOf(events, 'inbound').some(({ authority }) => authority === 'a"b\\c'))
  t.equal(events.filter(({ kind }) => kind === 'connection').length, 3)
})
