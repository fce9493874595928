import { once } from 'node:events'
import t from 'tap'
import WebSocket from 'ws'
import { doorOf, jwt, NOW } from '../access/tokens.ts'
import { listening } from '../http/listening.ts'
import { bothSides, request } from '../query/events.ts'
import { engineOn } from '../query/world.ts'
import { gatewayServer } from './gateway-server.ts'

/** What anyone may ask for: none of it is of a mesh. */
const OPEN = ['/livez', '/readyz', '/', '/api/openapi.json', '/api/docs', '/api/docs/', '/api/docs/*']

const EVENTS = [
  ...bothSides('secret/spy', 'secret/vault', { path: '/vault', authority: 'vault.secret' }),
  ...bothSides('secret/spy', 'shop/web', { path: '/shop' }),
  ...bothSides('shop/web', 'secret/vault', { path: '/call', authority: 'vault.secret' }),
]

/** All that only the namespace `secret` knows, and as many words that nobody does. */
const SECRETS = { secret: 'nowhere', spy: 'him', vault: 'thing' }

const aliased = (text: string) =>
  Object.entries(SECRETS).reduce((text, [word, alias]) => text.replaceAll(word, alias), text)

const grant = (namespace: string, ...allow: string[]) => [{ namespaces: [namespace], allow }]

/** Who asks, and whether they may ask for anything of `secret`. */
const ASKERS = {
  'no token': undefined,
  'no bearer': 'Basic YTpi',
  'what is no token': 'Bearer nonsense',
  'a token signed by another': `Bearer ${await jwt({ secret: 'another secret of thirty-two letters', meshtap: grant('*', 'stat', 'tap') })}`,
  'an expired token': `Bearer ${await jwt({ expiresIn: -1, meshtap: grant('*', 'stat', 'tap') })}`,
  'a token without grants': `Bearer ${await jwt()}`,
  'a token for another namespace': `Bearer ${await jwt({ meshtap: grant('shop', 'stat', 'tap', 'paths', 'headers') })}`,
  'a token for another cluster': `Bearer ${await jwt({ meshtap: [{ clusters: ['west'], namespaces: ['*'], allow: ['stat', 'tap', 'paths'] }] })}`,
} as const

const gateway = async (t: Parameters<typeof gatewayServer>[0]) =>
  gatewayServer(t, {
    door: doorOf(),
    engine: await engineOn(EVENTS),
    now: () => NOW,
    limits: { guessesPerMinute: 10_000 },
  })

const QUESTIONS = [
  '',
  '?resource=all',
  '?resource=ns/secret',
  '?resource=deploy/vault&namespace=secret',
  '?resource=deploy&to=deploy&to_namespace=secret',
  '?resource=deploy/web&from=deploy/spy&from_namespace=secret',
  '?resource=deploy/web&from=deploy/spy',
  '?resource=authority/vault.secret',
]

t.test('every route that is not known to be harmless wants a token', async (t) => {
  const { app } = await gateway(t)
  for (const { url, access } of app.guarded) t.equal(access, OPEN.includes(url) ? 'open' : 'granted', url)
  t.ok(app.guarded.length > OPEN.length + 6)
})

t.test('without a grant nothing of a namespace is in any answer', async (t) => {
  const { app } = await gateway(t)
  for (const [asker, authorization] of Object.entries(ASKERS)) {
    const headers = authorization === undefined ? {} : { authorization }
    const isKnown = asker.startsWith('a token for') || asker === 'a token without grants'
    for (const { method, url, access } of app.guarded) {
      if (access === 'open' || method === 'HEAD') continue
      // A tap that is granted goes on: its own tests say what it shows. A ticket tells nothing.
      if (url === '/api/v1/tap' && asker.startsWith('a token for')) continue
      if (url === '/api/v1/tickets' && isKnown) continue
      const ask = (question: string) =>
        app.inject({ method: method as 'GET', url: `${url}${question}`, headers })
      for (const question of QUESTIONS) {
        const what = `${asker}: ${method} ${url}${question}`
        const answer = await ask(question)
        if (!isKnown) t.equal(answer.statusCode, 401, what)
        if (!isKnown) t.match(answer.headers['www-authenticate'], /^Bearer/, what)
        const isForeign = /namespace=secret|ns\/secret/.test(question)
        if (asker.includes('another namespace') && isForeign && answer.statusCode !== 400)
          t.equal(answer.statusCode, 403, what)
        // What was asked for is in the answer; that it is there must not be.
        t.equal(aliased(answer.body), (await ask(aliased(question))).body, what)
      }
    }
  }
  const meshtap = grant('secret', 'stat', 'paths')
  const granted = await app.inject({
    url: '/api/v1/stat?resource=all',
    headers: { authorization: `Bearer ${await jwt({ meshtap })}` },
  })
  t.match(granted.body, /vault/, 'with a grant it is')
})

t.test('what is not open is refused for websockets before the upgrade', async (t) => {
  const { app } = await gateway(t)
  const port = await listening(app)
  const refused = async (url: string, authorization: string | undefined) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}${url}`, {
      headers: authorization === undefined ? {} : { authorization },
    })
    socket.on('error', () => {})
    const [, response] = (await once(socket, 'unexpected-response')) as [unknown, { statusCode: number }]
    socket.terminate()
    return response.statusCode
  }
  const websockets = app.guarded.filter(({ isWebsocket }) => isWebsocket)
  t.ok(websockets.length > 0)
  for (const { url } of websockets) {
    const asked = `${url}?resource=deploy`
    for (const [asker, authorization] of Object.entries(ASKERS)) {
      if (asker.startsWith('a token for')) continue
      const want = asker === 'a token without grants' ? 403 : 401
      t.equal(await refused(asked, authorization), want, `${url}: ${asker}`)
    }
    const ofShop = ASKERS['a token for another namespace']
    t.equal(await refused(`${asked}&namespace=secret`, ofShop), 403, url)
    const others = url === '/api/v1/tap' ? ['stat', 'paths'] : ['tap', 'paths']
    const lacking = `Bearer ${await jwt({ meshtap: grant('secret', ...others) })}`
    t.equal(await refused(asked, lacking), 403, `${url} with ${others.join()} alone`)
    t.equal(await refused(`${asked}&token=abc`, ofShop), 400, 'a token in the URL')
    t.equal(await refused(`${asked}&ticket=abc.def`, undefined), 401, 'no ticket')
  }
})

t.test('live answers hold nothing of what is not granted', async (t) => {
  const { app } = await gateway(t)
  const port = await listening(app)
  const headers = { authorization: ASKERS['a token for another namespace'] }
  for (const url of ['stat?resource=all', 'stat?resource=all&by=reason', 'top?resource=all']) {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/api/v1/${url}`, { headers })
    const [data] = (await once(socket, 'message')) as [Buffer]
    t.match(data.toString(), /shop/, url)
    t.equal(aliased(data.toString()), data.toString(), url)
    socket.terminate()
  }
})

t.test('a tap shows what its viewer may see, whatever workers publish', async (t) => {
  const { app, publish, registered } = await gateway(t)
  const see = async (allow: readonly string[]) => {
    const headers = { authorization: `Bearer ${await jwt({ meshtap: grant('shop', ...allow) })}` }
    const socket = await app.injectWS('/api/v1/tap?max_rps=10000', { headers })
    const text: string[] = []
    socket.on('message', (data: Buffer) => text.push(data.toString()))
    const [tap] = await registered(1)
    t.match(tap?.query.scopes, [{ cluster: '*', namespace: 'shop' }])
    const secretive = { requestHeaders: [{ name: 'x-user', value: 'bob' }], authority: 'vault.secret' }
    await publish(EVENTS.map((event) => ({ ...event, ...secretive })))
    while (!text.some((frame) => frame.includes('web'))) await new Promise(setImmediate)
    socket.terminate()
    await registered(0)
    return text.join('\n')
  }
  const all = await see(['tap', 'paths', 'headers'])
  t.match(all, /\/shop/)
  t.match(all, /bob/)
  // Of what it gets, the authority that it is called by is its own.
  const own = all.replaceAll('"authority":"vault.secret"', '')
  t.equal(aliased(own), own)
  t.match(all, /"seen":6/)
  t.equal(all.match(/"narrowedTo":\["\*\/shop"\]/g)?.length, 1, 'its first frame says what it is of')
  const plain = await see(['tap'])
  t.notMatch(plain, /"\/shop|bob|x-user/)
})

t.test('requests between two granted ends are shown whole', async (t) => {
  const { app, publish, registered } = await gateway(t)
  const meshtap = [{ namespaces: ['shop', 'sec*'], allow: ['tap', 'paths'] }]
  const headers = { authorization: `Bearer ${await jwt({ meshtap })}` }
  const socket = await app.injectWS('/api/v1/tap', { headers })
  const text: string[] = []
  socket.on('message', (data: Buffer) => text.push(data.toString()))
  await registered(1)
  await publish([request('shop/web', 'secret/vault', { direction: 'outbound', authority: 'vault.secret' })])
  while (!text.some((frame) => frame.includes('web'))) await new Promise(setImmediate)
  t.match(text.join(), /vault\.secret/)
  socket.terminate()
})
