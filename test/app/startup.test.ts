import { spawnSync } from 'node:child_process'
import t from 'tap'

const APP = new URL('../../src/app/', import.meta.url)

/** Packages that a role's file loads, before Kafka and Redis are connected to. */
function packagesOf(role: string): string[] {
  const script = `
    import { registerHooks } from 'node:module'
    const found = new Set()
    registerHooks({
      resolve(specifier, context, next) {
        const resolved = next(specifier, context)
        const name = /node_modules\\/((?:@[^/]+\\/)?[^/]+)/.exec(resolved.url)?.[1]
        if (name !== undefined) found.add(name)
        return resolved
      },
    })
    await import(${JSON.stringify(new URL('run-role.ts', APP).href)})
    await import(${JSON.stringify(new URL(`${role}-role.ts`, APP).href)})
    console.log(JSON.stringify([...found]))`
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', script], {
    encoding: 'utf8',
    env: { PATH: process.env['PATH'] },
  })
  if (stdout === '') throw new Error(stderr)
  return JSON.parse(stdout) as string[]
}

const HEAVY = [
  'fastify',
  '@fastify/websocket',
  '@fastify/swagger',
  '@fastify/swagger-ui',
  'lmdb',
  'yaml',
  'kafkajs',
  'ioredis',
  '@grpc/grpc-js',
  // Its API is small, and prom-client loads it.
  '@opentelemetry/sdk-node',
  '@opentelemetry/sdk-trace',
]

const wanted: Readonly<Record<string, readonly string[]>> = {
  serve: ['fastify', '@fastify/websocket', 'lmdb'],
  ingest: ['fastify'],
  gateway: ['fastify', '@fastify/websocket'],
  aggregator: [],
  exporter: [],
}

t.test('a role loads what it needs, and adapters when they are opened', async (t) => {
  for (const [role, packages] of Object.entries(wanted)) {
    const loaded = packagesOf(role)
    t.strictSame(
      HEAVY.filter((name) => loaded.includes(name)),
      HEAVY.filter((name) => packages.includes(name)),
      role,
    )
  }
})
