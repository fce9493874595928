import t from 'tap'
import { doorOf, jwt, NOW } from '../access/tokens.ts'
import { pageOf } from '../exporter/scrape.ts'
import { request } from '../query/events.ts'
import { storeOf } from '../query/world.ts'
import { gatewayServer } from './gateway-server.ts'

async function metrics() {
  const page = pageOf(await storeOf([request('bot', 'web')]))
  return (asked: Parameters<typeof page.answer>[0]) => page.answer(asked)
}

t.test('the gateway gives the series of the mesh, by what is selected, and problems', async (t) => {
  const { app } = await gatewayServer(t, { metrics: await metrics() })
  const whole = await app.inject('/metrics')
  t.equal(whole.statusCode, 200)
  t.match(whole.headers['content-type'], /^text\/plain; version=0\.0\.4/)
  t.match(whole.body, /^request_total\{direction="inbound",[^}]*deployment="web"[^}]*\} 1$/m)
  t.notMatch((await app.inject('/metrics?namespace=other')).body, 'request_total')
  const bad = await app.inject('/metrics?shard=9/3')
  t.match([bad.statusCode, bad.json()], [400, { code: 'BAD_PARAMETER', parameter: 'shard' }])
  const zipped = await app.inject({ url: '/metrics', headers: { 'accept-encoding': 'gzip' } })
  t.equal(zipped.headers['content-encoding'], 'gzip')
})

t.test('a gateway without a source of them has none', async (t) => {
  const { app } = await gatewayServer(t)
  t.equal((await app.inject('/metrics')).statusCode, 404)
})

t.test('only who may see the whole mesh may scrape it', async (t) => {
  const { app } = await gatewayServer(t, { door: doorOf(), now: () => NOW, metrics: await metrics() })
  const ask = async (meshtap: readonly object[]) => {
    const authorization = `Bearer ${await jwt({ meshtap })}`
    return app.inject({ url: '/metrics?namespace=emojivoto', headers: { authorization } })
  }
  t.equal((await app.inject('/metrics')).statusCode, 401)
  for (const grant of [
    { namespaces: ['emojivoto'], allow: ['stat'] },
    { clusters: ['east'], namespaces: ['*'], allow: ['stat'] },
    { namespaces: ['*'], allow: ['tap'] },
  ]) {
    const refused = await ask([grant])
    t.match([refused.statusCode, refused.json()], [403, { code: 'NOT_GRANTED' }])
    t.notMatch(refused.body, 'request_total')
  }
  t.match((await ask([{ namespaces: ['*'], allow: ['stat'] }])).body, 'request_total')
})
