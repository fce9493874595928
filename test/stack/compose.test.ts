import { existsSync } from 'node:fs'
import { request } from 'node:http'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { parse } from 'yaml'
import { onPath, run } from '../../stack/commands.ts'
import { startKafka } from '../../stack/kafka.ts'
import { startRedis } from '../../stack/redis.ts'
import { ROLE_SETTINGS } from '../../src/config/roles.ts'
import { variableOf } from '../../src/config/setting.ts'
import type { StatAnswer } from '../../src/query/answer.ts'
import { jsonSchemaValidator } from '../json-schema.ts'
import { composeFile, dotEnv, imageSettings, projectFile } from './compose-file.ts'
import { ComposeProcesses } from './compose-processes.ts'

const ROOT = new URL('../../', import.meta.url).pathname
const file = composeFile()
const image = imageSettings()
const services = Object.entries(file.services)

t.test('docker-compose.yml is a Compose file', async (t) => {
  const ajv = jsonSchemaValidator({ duration: /^(\d+(us|ms|s|m|h))+$/, ports: true, expose: true })
  const validate = ajv.compile(JSON.parse(projectFile('test/fixtures/compose/compose-spec.json')) as object)
  t.ok(validate(file))
  t.same(validate.errors ?? [], [])
  t.notOk(validate({ ...file, services: { ...file.services, kafka: { imag: 'a typing error' } } }))
})

// The schema above is checked everywhere; this is the same by a program that not every machine has.
if (onPath('docker-compose') !== undefined) {
  t.test('docker-compose, which is installed here, takes docker-compose.yml', async (t) => {
    await run(
      'docker-compose',
      ['--project-directory', ROOT, '-f', `${ROOT}docker-compose.yml`, 'config', '-q'],
      20_000,
    )
    t.pass('it does')
  })
}

t.test('what can be chosen is in .env, each with a line that says what it is', async (t) => {
  const lines = projectFile('.env').split('\n')
  const used = new Set(
    Array.from(projectFile('docker-compose.yml').matchAll(/\$\{([A-Z_]+)\}/g), ([, name]) => name!),
  )
  for (const name of Object.keys(dotEnv())) {
    t.ok(used.has(name) || name === 'COMPOSE_PROJECT_NAME', `${name} is used`)
    t.match(
      lines[lines.findIndex((line) => line.startsWith(`${name}=`)) - 1],
      /^# .+\.$/,
      `${name} is described`,
    )
  }
})

t.test('services are pinned, checked for health and keep their data in named volumes', async (t) => {
  for (const [name, { image, healthcheck, volumes = [] }] of services) {
    if (image !== 'meshtap') t.match(image, /^[a-z]+\/[a-z]+:v?\d+\.\d+\.\d+$/, `${name} has a version`)
    if (name !== 'demo') t.equal(healthcheck?.test?.[0], 'CMD', `${name} is asked whether it is healthy`)
    for (const volume of volumes) {
      const [source = ''] = volume.split(':')
      t.ok(
        source.startsWith('./') ? existsSync(`${ROOT}${source}`) : source in file.volumes,
        `${name}: ${volume}`,
      )
    }
  }
  t.equal(services.filter(([, { build }]) => build !== undefined).length, 1, 'the image is built once')
})

t.test('ports are published on this machine only, and are those that are listened on', async (t) => {
  const ports: Record<string, number[]> = {
    kafka: [9094],
    valkey: [6379],
    prometheus: [9090],
    grafana: [3000],
  }
  for (const [name, service] of services) {
    for (const published of service.ports ?? []) {
      const [, port] = /^127\.0\.0\.1:\d+:(\d+)$/.exec(published) ?? []
      t.ok((ports[name] ?? image.exposed).includes(Number(port)), `${name}: ${published}`)
    }
  }
})

t.test('programs of this machine find Kafka where it tells them to go', async (t) => {
  const [address, port] = kafkaAddress('HOST').split(':')
  const listeners = String(file.services['kafka']?.environment?.['KAFKA_LISTENERS'])
  const [published = ''] = file.services['kafka']?.ports ?? []
  t.equal(published, `${address}:${port}:${/HOST:\/\/:(\d+)/.exec(listeners)?.[1]}`)
})

t.test('the image has what it starts, and does not run as root', async (t) => {
  for (const copied of Object.values(image.files)) {
    t.ok(existsSync(`${ROOT}${copied}`), copied)
    t.ok(projectFile('.dockerignore').includes(`\n!${copied}\n`), `${copied} reaches the build`)
  }
  t.match(image.user, /^[1-9]\d*:[1-9]\d*$/)
  t.strictSame(image.healthcheck, file.services['gateway']?.healthcheck?.test?.slice(1))
})

t.test('roles are given variables that they know', async (t) => {
  for (const [name, { image, command, environment = {} }] of services) {
    const role = command?.[0]
    if (image !== 'meshtap' || role === 'demo') continue
    const settings = ROLE_SETTINGS[role as keyof typeof ROLE_SETTINGS]
    const known = Object.values(settings).map((setting) => variableOf(setting.name))
    for (const variable of Object.keys(environment))
      t.ok(known.includes(variable), `${name} takes ${variable}`)
  }
})

t.test('Prometheus and Grafana look where services are', async (t) => {
  const targets = scrapeTargets()
  const own = services.filter(([name, { image }]) => image === 'meshtap' && name !== 'demo')
  t.strictSame(targets.map((target) => String(target.split(':')[0])).sort(), own.map(([name]) => name).sort())
  for (const target of targets) t.ok(image.exposed.includes(Number(target.split(':')[1])), target)
  const { datasources } = parse(projectFile('grafana/provisioning/datasources/prometheus.yml')) as {
    datasources: { url: string }[]
  }
  t.strictSame(
    datasources.map(({ url }) => url),
    ['http://prometheus:9090'],
  )
  const { providers } = parse(projectFile('grafana/provisioning/dashboards/meshtap.yml')) as {
    providers: { options: { path: string } }[]
  }
  for (const { options } of providers) {
    t.ok(file.services['grafana']?.volumes?.some((volume) => volume.includes(`:${options.path}:`)))
  }
})

/** What Prometheus scrapes. */
function scrapeTargets(): string[] {
  const { scrape_configs: jobs } = parse(projectFile('deploy/prometheus/prometheus.yml')) as {
    scrape_configs: { static_configs: { targets: string[] }[] }[]
  }
  return jobs.flatMap((job) => job.static_configs.flatMap((config) => config.targets))
}

/** Where Kafka tells clients of a listener to connect to. */
function kafkaAddress(listener: string): string {
  const listeners = String(file.services['kafka']?.environment?.['KAFKA_ADVERTISED_LISTENERS']).split(',')
  return listeners.find((text) => text.startsWith(`${listener}://`))?.slice(listener.length + 3) ?? ''
}

/** The image of Kafka makes settings of its variables: `KAFKA_A_B` is `a.b`. Without those that are about addresses and places. */
function kafkaProperties(): Record<string, string> {
  const own = /LISTENER|QUORUM|LOG_DIRS|HEAP_OPTS/
  return Object.fromEntries(
    Object.entries(file.services['kafka']?.environment ?? {})
      .filter(([name]) => name.startsWith('KAFKA_') && !own.test(name))
      .map(([name, value]) => [name.slice(6).toLowerCase().replaceAll('_', '.'), String(value)]),
  )
}

/** `--name value` pairs as lines of redis.conf. */
function valkeyOptions(): Record<string, string> {
  const [binary, ...flags] = file.services['valkey']?.command ?? []
  if (binary !== 'valkey-server') throw new Error(`the command of valkey is ${binary}`)
  return Object.fromEntries(
    flags.flatMap((flag, i) => (i % 2 === 0 ? [[flag.replace(/^--/, ''), flags[i + 1]!]] : [])),
  )
}

/** A request to a service by the name that other containers know it by. */
async function ask(
  processes: ComposeProcesses,
  host: string,
  path: string,
  body?: string,
): Promise<{ status: number | undefined; text: string }> {
  const asked = request(`http://${processes.address(host)}${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { host, 'content-type': 'application/json' },
  }).end(body)
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number | undefined; text: string }>()
  asked.on('error', reject)
  asked.on('response', (response) => {
    text(response).then((answer) => resolve({ status: response.statusCode, text: answer }), reject)
  })
  return promise
}

/** Requests by workload of a namespace, when all of `wanted` have as many as they should. */
async function requests(
  processes: ComposeProcesses,
  namespace: string,
  isWanted: (requests: Readonly<Record<string, number>>) => boolean,
): Promise<Record<string, number>> {
  for (const end = Date.now() + 30_000; ; await sleep(200)) {
    const answer = await ask(
      processes,
      'gateway:8084',
      `/api/v1/stat?resource=deploy&namespace=${namespace}&window=1h`,
    )
    if (answer.status !== 200) throw new Error(`stat: ${answer.status} ${answer.text}`)
    const { rows } = JSON.parse(answer.text) as StatAnswer
    const found = Object.fromEntries(rows.map((row) => [row.name, row.requests]))
    if (isWanted(found) || Date.now() > end) return found
  }
}

async function startServices(t: Test): Promise<Record<string, string>> {
  const [kafka, redis] = await Promise.all([
    startKafka({
      directory: t.testdir({ kafka: {}, valkey: {} }) + '/kafka',
      properties: kafkaProperties(),
      isBrief: true,
    }),
    startRedis({ directory: t.testdirName + '/valkey', options: valkeyOptions() }),
  ])
  t.teardown(() => Promise.all([kafka.kill(), redis.kill()]))
  return { [kafkaAddress('INTERNAL')]: kafka.brokers, 'valkey:6379': `127.0.0.1:${redis.port}` }
}

t.test(
  'the commands of docker-compose.yml work together and stop when told to',
  { timeout: 90_000 },
  async (t) => {
    const others = await startServices(t)
    const processes = await ComposeProcesses.of(file, image, others, t.testdirName)
    t.teardown(() => processes.kill())
    t.strictSame([...processes.names].sort(), [
      'aggregator-1',
      'aggregator-2',
      'demo',
      'exporter',
      'gateway',
      'ingest',
    ])
    await processes.start()

    const events = Array.from({ length: 100 }, (_, i) => ({
      time: Date.now() - 1000,
      direction: 'inbound',
      proxy: `proxy-${i % 16}`,
      destination: { namespace: 'shop', name: i % 4 === 0 ? 'cart' : 'web' },
      latencyMicros: 1000,
      status: 200,
    }))
    const sent = await ask(processes, 'ingest:4318', '/v1/events', JSON.stringify(events))
    t.match(sent, { status: /^20[0-9]$/ }, sent.text)
    t.strictSame(await requests(processes, 'shop', ({ cart = 0, web = 0 }) => cart >= 25 && web >= 75), {
      cart: 25,
      web: 75,
    })
    const demo = ['web', 'emoji', 'voting']
    const reported = await requests(processes, 'emojivoto', (of) => demo.every((name) => (of[name] ?? 0) > 0))
    for (const name of demo) t.ok((reported[name] ?? 0) > 0, `the demo reports of ${name}`)
    for (const target of scrapeTargets()) {
      const { status, text } = await ask(processes, target, '/metrics')
      t.equal(status, 200, `${target} answers Prometheus: ${text.slice(0, 200)}`)
    }

    for (const { name, code, ms } of await processes.stop()) {
      t.equal(code, 0, `${name} ends well: ${processes.log(name).slice(-2000)}`)
      t.ok(ms < 5_000, `${name} took ${Math.round(ms)} ms`)
    }
  },
)
