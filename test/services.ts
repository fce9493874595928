import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import type { Test } from 'tap'
import { startKafka } from '../stack/kafka.ts'
import { startRedis, startRedisCluster, type RedisClusterServers } from '../stack/redis.ts'

/** Databases of a Redis that is not ours which a test may take, one at a time. */
const DATABASES = 15
const TAKEN_SECONDS = 600

/** Of a service, removed at the test's end, after what was started in it; not `t.testdir()`, which is the test's own. */
async function directoryOf(t: Test): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'meshtap-test-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  return directory
}

/**
 * A broker of the test's own until its end, or the one that MESHTAP_KAFKA names, which other tests use at the same
 * time: topics and groups need names of their own. To kill a broker, start one with `startKafka`.
 */
export async function kafkaForTest(
  t: Test,
  properties: Readonly<Record<string, string>> = {},
): Promise<{ readonly brokers: string }> {
  const running = process.env['MESHTAP_KAFKA']
  if (running !== undefined && running !== '') return { brokers: running }
  const server = await startKafka({ directory: await directoryOf(t), properties, isBrief: true })
  t.teardown(() => server.kill())
  return server
}

/** An empty Redis of the test's own until its end, or an empty database of the one that MESHTAP_REDIS names. */
export async function redisForTest(
  t: Test,
  options: Readonly<Record<string, string>> = {},
): Promise<{ readonly url: string }> {
  const running = process.env['MESHTAP_REDIS']
  if (running !== undefined && running !== '') return { url: await emptyDatabase(t, running) }
  const server = await startRedis({ directory: await directoryOf(t), options })
  t.teardown(() => server.kill())
  return server
}

/** Three masters of the test's own until its end. */
export async function redisClusterForTest(t: Test): Promise<RedisClusterServers> {
  const cluster = await startRedisCluster({ directory: await directoryOf(t), masters: 3 })
  t.teardown(async () => {
    await Promise.all(cluster.nodes.map((node) => node.kill()))
  })
  return cluster
}

/**
 * Takes a database that holds nothing, so that no data of anybody's is lost when it is emptied at the end. Who has
 * taken which is written in database 0.
 */
async function emptyDatabase(t: Test, url: string): Promise<string> {
  if (!/^rediss?:/.test(url)) throw new Error('tests need MESHTAP_REDIS to be one server: redis://host:port')
  const own = new URL(url)
  own.pathname = '/0'
  const redis = new Redis(own.href, { lazyConnect: true, maxRetriesPerRequest: 1 })
  await redis.connect()
  t.teardown(() => redis.disconnect())
  for (let database = 1; database <= DATABASES; database++) {
    const taken = `meshtap:test-database:${database}`
    if ((await redis.set(taken, process.pid, 'EX', TAKEN_SECONDS, 'NX')) === null) continue
    t.teardown(() => redis.del(taken))
    own.pathname = `/${database}`
    const found = new Redis(own.href, { maxRetriesPerRequest: 1 })
    t.teardown(() => found.disconnect())
    if ((await found.dbsize()) > 0) continue
    t.teardown(() => found.flushdb())
    return own.href
  }
  throw new Error(`MESHTAP_REDIS: none of the databases 1 to ${DATABASES} is empty; tests take an empty one`)
}
