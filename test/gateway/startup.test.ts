import { createRequire } from 'node:module'
import t from 'tap'
import { gatewayServer } from './gateway-server.ts'

/** Packages that are loaded now and match. */
function loaded(pattern: RegExp): string[] {
  const files = Object.keys(createRequire(import.meta.url).cache)
  const packages = files.map((file) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1] ?? '')
  return [...new Set(packages.filter((name) => pattern.test(name)))].sort()
}

t.test('what is not needed to serve is loaded when it is', async (t) => {
  const { app } = await gatewayServer(t)
  t.equal((await app.inject('/api/v1/resources')).statusCode, 200)
  t.equal((await app.inject('/api/openapi.json')).statusCode, 200)
  t.same(loaded(/swagger|ajv|stringify-compiler/), [])
  t.equal((await app.inject('/api/docs/')).statusCode, 200)
  t.match(loaded(/swagger/), ['@fastify/swagger', '@fastify/swagger-ui'])
})
