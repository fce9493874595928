import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import type { TapAnswer } from '../../src/query/answer.ts'
import { startKafka } from '../../stack/kafka.ts'
import { startRedis } from '../../stack/redis.ts'
import { RoleProcess } from './role-process.ts'

t.setTimeout(180_000)

t.test('a tap shows the past once, and goes on where an aggregator dies and another comes', async (t) => {
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
  const [ingest, gateway, dying, staying] = roles
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
  const seen = new Map<string, number>()
  const past: TapAnswer['replay'][] = []
  let last: TapAnswer | undefined
  const watching = await watch(gateway, 'since=1h&max_rps=10000', stop.signal, (answer) => {
    last = answer
    if (answer.replay !== undefined && answer.replay.state !== 'running') past.push(answer.replay)
    for (const { path } of answer.events) seen.set(String(path), (seen.get(String(path)) ?? 0) + 1)
  })
  const until = async (isSo: () => boolean | Promise<boolean>): Promise<void> => {
    const deadline = Date.now() + 60_000
    while (!(await isSo()) && Date.now() < deadline) await sleep(50)
    if (Date.now() >= deadline)
      t.fail(`${seen.size} of ${pushed} seen, the last frame ${JSON.stringify(last)}`)
  }

  // While the past is read, and while it turns into the present.
  for (let round = 0; past.length === 0 && round < 300; round++) {
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

  // A rebalance that takes partitions from one that lives.
  const joining = await RoleProcess.start('aggregator', worker)
  roles.push(joining)
  await until(async () => {
    await push(40)
    return (await partitionsOf(joining)) > 0 && (await partitionsOf(staying)) > 0
  })
  await push(200)
  await until(() => seen.size === pushed)
  t.equal(Math.max(...seen.values()), 1, 'nothing twice where partitions move')
  t.equal(past.length, 1, 'over the same connection')

  const counted = await counts(gateway, stop.signal, push)
  t.match(counted.last, { seen: counted.pushed, matched: counted.pushed, dropped: 0 })
  t.equal(counted.last.sent + counted.last.sampledOut, counted.pushed, 'over both that are there')
  t.equal(counted.events, counted.last.sent)
  t.ok(counted.last.sampledOut > 0, 'and more came than max_rps')
  stop.abort()
  await watching.ended
})

/** Partitions that an aggregator has claimed. */
async function partitionsOf(aggregator: RoleProcess): Promise<number> {
  const { body } = await aggregator.ask('/metrics')
  return Number(/^meshtap_aggregator_partitions\{.*state="claimed".*\} (\d+)/m.exec(String(body))?.[1] ?? 0)
}

/** A live tap of few events a second, and what it says of many. */
async function counts(gateway: RoleProcess, signal: AbortSignal, push: (count: number) => Promise<void>) {
  let last: TapAnswer | undefined
  let events = 0
  const watching = await watch(gateway, 'max_rps=20', signal, (answer) => {
    last = answer
    events += answer.events.length
  })
  // Every aggregator knows it by then.
  await sleep(2000)
  const rounds = 20
  for (let round = 0; round < rounds; round++) await push(50)
  const pushed = rounds * 50
  const deadline = Date.now() + 60_000
  const isAllThere = () => last?.matched === pushed
  while (!isAllThere() && Date.now() < deadline) await sleep(50)
  return { last: last!, events, pushed, ended: watching.ended }
}

/** Opens a tap, and tells of what comes until the signal is given; what it answers resolves then. */
async function watch(
  gateway: RoleProcess,
  query: string,
  signal: AbortSignal,
  onAnswer: (answer: TapAnswer) => void,
): Promise<{ readonly ended: Promise<void> }> {
  const response = await fetch(`${gateway.url}/api/v1/tap?${query}`, { signal })
  if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`)
  const read = async (): Promise<void> => {
    let rest = ''
    for await (const text of response.body!.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split('\n')
      rest = lines.pop()!
      for (const line of lines) onAnswer(JSON.parse(line) as TapAnswer)
    }
  }
  return { ended: read().catch(() => undefined) }
}
