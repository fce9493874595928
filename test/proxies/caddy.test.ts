import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import t from 'tap'
import { freePort } from '../../stack/free-port.ts'
import { startCaddy } from '../../stack/proxies.ts'
import { deployed } from './deployed.ts'
import { emojiServers } from './emoji-servers.ts'
import { Load } from './load.ts'
import { pushed, until } from './pushed.ts'
import { kindOf, requestsOf, tally, wordsOf } from './tally.ts'

t.test('what Caddy writes is pushed as it happened', async (t) => {
  const directory = mkdtempSync(`${tmpdir()}/meshtap-caddy-`)
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  const servers = await emojiServers(t)
  const port = await freePort()
  const log = `${directory}/meshtap.log`
  const caddy = await startCaddy({
    directory,
    config: deployed('caddy/Caddyfile', [
      ['/var/log/caddy/meshtap.log', log],
      [':8000', `:${port}`],
      ['127.0.0.1:8080', `127.0.0.1:${servers.httpPort}`],
    ]),
  })
  t.teardown(() => caddy.kill())
  const load = new Load(t, port)
  for (const [what, count] of [
    ['ok', 60],
    ['fail', 7],
    ['reset', 6],
  ] as const)
    await load.http1(what, count)
  for (let i = 0; i < 4; i++) await load.get(`/wait/${i}`, { giveUp: servers.arrival(`/wait/${i}`) })
  await load.get('/ok/escaped?a="b\\c"', { host: 'shop.example' })

  const lines = await until(
    () => (existsSync(log) ? readFileSync(log, 'utf8') : ''),
    (text) => text.split('\n').length > 78,
  )
  const events = await pushed(t, 'caddy', lines)
  t.equal(events.length, 78)
  t.strictSame(
    tally(requestsOf(events, 'inbound').map(wordsOf).map(kindOf)),
    tally([
      ...Array<string>(60).fill('/ok 200'),
      ...Array<string>(7).fill('/fail 500'),
      ...Array<string>(6).fill('/reset 502'),
      ...Array<string>(4).fill('/wait reset no_response'),
      '/ok/escaped?a="b\\c" 200',
    ]),
  )
  for (const event of requestsOf(events, 'inbound'))
    t.match(event, {
      source: { ip: '127.0.0.1' },
      destination: { kind: 'deployment', name: 'caddy' },
      method: 'GET',
    })
  t.ok(requestsOf(events, 'inbound').some(({ authority }) => authority === 'shop.example'))
})
