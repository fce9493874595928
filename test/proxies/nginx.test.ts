import { mkdirSync, writeFileSync } from 'node:fs'
import kafkajs from 'kafkajs'
import t, { type Test } from 'tap'
import { freePort } from '../../stack/free-port.ts'
import { startHaproxy, startNginx, startRsyslog } from '../../stack/proxies.ts'
import { RoleProcess } from '../app/role-process.ts'
import { openKafka, uniqueName } from '../log/kafka/open-kafka.ts'
import { kafkaForTest, redisForTest } from '../services.ts'
import type { StatAnswer } from '../../src/query/answer.ts'
import { deployed } from './deployed.ts'
import { emojiServers } from './emoji-servers.ts'
import { Load, tcpConnections } from './load.ts'
import { shippedMapping } from './shipped-mapping.ts'
import { eventsIn } from './stored-events.ts'
import { kindOf, requestsOf, tally, wordsOf } from './tally.ts'

t.setTimeout(120_000)

/** nginx with the log of `deploy/nginx` before a server. */
async function nginxBefore(
  t: Test,
  directory: string,
  server: number,
): Promise<{ port: number; log: string }> {
  const port = await freePort()
  const log = `${directory}/nginx/meshtap.log`
  mkdirSync(`${directory}/nginx`)
  writeFileSync(
    `${directory}/nginx/meshtap.conf`,
    deployed('nginx/meshtap.conf', [['/var/log/nginx/meshtap.log', log]]),
  )
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${directory}/nginx/${name};`,
  )
  const nginx = await startNginx({
    directory: `${directory}/nginx`,
    config: `
      events {}
      pid ${directory}/nginx/nginx.pid;
      http {
        ${paths.join(' ')}
        include ${directory}/nginx/meshtap.conf;
        server {
          listen 127.0.0.1:${port};
          location / { proxy_pass http://127.0.0.1:${server}; }
          location /hang/ { proxy_pass http://127.0.0.1:${server}; proxy_read_timeout 300ms; }
        }
      }`,
  })
  t.teardown(() => nginx.kill())
  return { port, log }
}

t.test('requests through HAProxy and nginx reach meshtap by rsyslog and Kafka, each once', async (t) => {
  const directory = t.testdir()
  const [kafka, redis, servers] = await Promise.all([kafkaForTest(t), redisForTest(t), emojiServers(t)])
  const topic = uniqueName('mesh.requests')
  const admin = new kafkajs.Kafka({ brokers: [kafka.brokers], logLevel: kafkajs.logLevel.NOTHING }).admin()
  await admin.connect()
  t.teardown(() => admin.disconnect())
  await admin.createTopics({
    topics: ['', 'edge.', 'lb.'].map((cluster) => ({ topic: `${cluster}${topic}`, numPartitions: 2 })),
  })

  const nginx = await nginxBefore(t, directory, servers.httpPort)
  const [syslogPort, webPort, databasePort] = [await freePort(), await freePort(), await freePort()]
  const [rsyslog, haproxy] = await Promise.all([
    startRsyslog({
      directory: `${directory}/rsyslog`,
      config: deployed('rsyslog/meshtap.conf', [
        ['/var/log/nginx/meshtap.log', nginx.log],
        ['/var/spool/rsyslog', `${directory}/rsyslog`],
        ['"5140"', `"${syslogPort}"`],
        ['mesh.requests"', `${topic}"`],
        ['kafka:9092', kafka.brokers],
      ]),
    }),
    startHaproxy({
      directory: `${directory}/haproxy`,
      config: deployed('haproxy/haproxy.cfg', [
        ['127.0.0.1:5140', `127.0.0.1:${syslogPort}`],
        ['127.0.0.1:8000', `127.0.0.1:${webPort}`],
        ['127.0.0.1:8080', `127.0.0.1:${nginx.port}`],
        ['127.0.0.1:5433', `127.0.0.1:${databasePort}`],
        ['127.0.0.1:5432', `127.0.0.1:${servers.tcpPort}`],
      ]),
    }),
  ])
  t.teardown(() => Promise.all([rsyslog.kill(), haproxy.kill()]))
  const any = '127.0.0.1:0'
  const [aggregator, gateway] = await Promise.all([
    RoleProcess.start('aggregator', {
      kafka: kafka.brokers,
      redis: redis.url,
      topic,
      'status-listen': any,
      flush: '200ms',
      'topic-formats': `edge.${topic}=nginx,lb.${topic}=haproxy`,
    }),
    RoleProcess.start('gateway', { redis: redis.url, listen: any }),
  ])
  t.teardown(() => Promise.all([aggregator.stop('SIGKILL'), gateway.stop('SIGKILL')]))

  const load = new Load(t, webPort)
  for (const [what, count] of [
    ['ok', 600],
    ['fail', 30],
    ['reset', 20],
    ['hang', 10],
  ] as const)
    await load.http1(what, count)
  for (let i = 0; i < 5; i++) await load.get(`/wait/${i}`, { giveUp: servers.arrival(`/wait/${i}`) })
  t.equal(await tcpConnections(databasePort, 20, 'vote'), 20 * 8)

  const requests = 665
  t.equal([...load.seen.values()].flat().length, requests)
  t.equal([...servers.served.values()].flat().length, requests)
  const failures = 30 + 20 + 10 + 5
  for (const [name, cluster] of [
    ['nginx', 'edge'],
    ['haproxy', 'lb'],
  ] as const) {
    const question = `/api/v1/stat?resource=deploy/${name}&namespace=edge&cluster=${cluster}&window=10m`
    const { body } = await gateway.until(
      question,
      ({ body }) => (body as StatAnswer).rows?.[0]?.requests === requests,
    )
    t.match((body as StatAnswer).rows, [{ requests, failures }], name)
  }
  // By request, its ending and reason; who waits at nginx and HAProxy is told the same.
  const answered = { '/fail 500': 30, '/hang 504': 10, '/ok 200': 600, '/reset 502': 20 }
  const { '/hang 504': slow, ...others } = answered
  const { log } = await openKafka(t, kafka.brokers)
  for (const [name, cluster, inbound, outbound] of [
    [
      'nginx',
      'edge',
      { ...answered, '/wait reset client_abort': 5 },
      { ...others, '/hang 504 reset upstream_timeout': slow, '/wait reset client_abort': 5 },
    ],
    ['haproxy', 'lb', { ...answered, '/wait reset CH': 5 }, { ...answered, '/wait reset CH': 5 }],
  ] as const) {
    const events = await eventsIn(log, `${cluster}.${topic}`, shippedMapping(name))
    const words = (direction: 'inbound' | 'outbound') => requestsOf(events, direction).map(wordsOf)
    t.strictSame(tally(words('inbound').map(kindOf)), tally(repeated(inbound)), `${name}, inbound`)
    t.strictSame(tally(words('outbound').map(kindOf)), tally(repeated(outbound)), `${name}, outbound`)
    t.equal(new Set(words('inbound')).size, requests, 'no request twice')
    const connections = events.filter((event) => event.kind === 'connection')
    t.equal(connections.length, name === 'haproxy' ? servers.tcp.connections : 0)
    for (const event of connections)
      t.match(event, {
        opened: 1,
        closed: 1,
        readBytes: 8,
        writtenBytes: 4,
        destination: { service: 'database' },
      })
  }
})

function repeated(counts: Readonly<Record<string, number>>): string[] {
  return Object.entries(counts).flatMap(([words, count]) => Array<string>(count).fill(words))
}
