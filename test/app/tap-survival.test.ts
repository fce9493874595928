import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import type { TapAnswer } from '../../src/query/answer.ts'
import { startKafka } from '../../stack/kafka.ts'
import { startRedis } from '../../stack/redis.ts'
import { RoleProcess } from './role-process.ts'

t.setTimeout(90_000)

t.test('a tap shows the past once, and goes on where an aggregator dies', async (t) => {
  const directory = await mkdtemp(`${tmpdir()}/meshtap-survival-`)
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  const [kafkaServer, redisServer] = await Promise.all([
    startKafka({ directory: `${directory}/kafka` }),
    startRedis({ directory: `${directory}/redis` }),
  ])
  t.teardown(() => Promise.all([kafkaServer.kill(), redisServer.kill()]))
  const [kafka, redis, any] = [kafkaServer.brokers, redisServer.url, '127.0.0.1:0']
  const worker = { kafka, redis, 'status-listen': any, flush: '200ms', 'kafka-session-timeout': '6s' }
  const roles = await Promise.all([
    RoleProcess.start('ingest', { kafka, 'ingest-listen': any }),
    RoleProcess.start('gateway', { kafka, redis, listen: any }),
    RoleProcess.start('aggregator', worker),
    RoleProcess.start('aggregator', worker),
  ])
  t.teardown(() => Promise.all(roles.map((role) => role.stop('SIGKILL'))))
  const [ingest, gateway, dying] = roles
  let pushed = 0
  const push = async (count: number): Promise<void> => {
    const events = Array.from({ length: count }, () => ({
      time: Date.now(),
      direction: 'inbound',
      proxy: `proxy-${pushed % 40}`,
      destination: { namespace: 'emojivoto', kind: 'deployment', name: 'web' },
      method: 'GET',
      path: `/${pushed++}`,
      status: 200,
      latencyMicros: 1000,
    }))
    const headers = { 'content-type': 'application/json' }
    const answer = await ingest.ask('/v1/events', { method: 'POST', headers, body: JSON.stringify(events) })
    t.equal(answer.status, 200)
  }
  await Promise.all(roles.map((role) => role.until('/readyz', ({ status }) => status === 200)))
  for (let i = 0; i < 3; i++) await push(100)

  const stop = new AbortController()
  t.teardown(() => stop.abort())
  const response = await fetch(`${gateway.url}/api/v1/tap?since=1h&max_rps=10000`, { signal: stop.signal })
  t.equal(response.status, 200)
  const seen = new Map<string, number>()
  const past: TapAnswer['replay'][] = []
  let last: TapAnswer | undefined
  const reading = (async () => {
    let rest = ''
    for await (const text of response.body!.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split('\n')
      rest = lines.pop()!
      for (const line of lines) {
        last = JSON.parse(line) as TapAnswer
        if (last.replay !== undefined && last.replay.state !== 'running') past.push(last.replay)
        for (const { path } of last.events) seen.set(String(path), (seen.get(String(path)) ?? 0) + 1)
      }
    }
  })().catch(() => undefined)
  const until = async (isSo: () => boolean): Promise<void> => {
    const deadline = Date.now() + 30_000
    while (!isSo() && Date.now() < deadline) await sleep(50)
    if (!isSo()) t.fail(`${seen.size} of ${pushed} seen, the last frame ${JSON.stringify(last)}`)
  }

  // While the past is read, and while it turns into the present.
  for (let round = 0; past.length === 0 && round < 150; round++) {
    await push(20)
    await sleep(100)
  }
  t.strictSame(past, [{ state: 'done' }])
  await push(200)
  await until(() => seen.size === pushed)
  t.equal(Math.max(...seen.values()), 1, 'nothing twice at the seam')

  await dying.stop('SIGKILL')
  await push(200)
  await until(() => seen.size === pushed)
  const repeated = [...seen.values()].filter((times) => times > 1).length
  t.equal(repeated, 0, 'what the one that died had shown is not shown again')
  stop.abort()
  await reading
})
