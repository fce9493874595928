import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { Redis } from 'ioredis'
import kafkajs from 'kafkajs'
import t, { type Test } from 'tap'

const RUN = new URL('../../stack/run.ts', import.meta.url).pathname

/** `npm run stack` with neither variable set but those given. */
class Stack {
  readonly #child: ChildProcess
  printed = ''
  said = ''
  readonly ended: Promise<number | null>

  constructor(t: Test, args: string[], env: NodeJS.ProcessEnv = {}) {
    const child = spawn(process.execPath, [RUN, ...args], {
      env: { ...process.env, MESHTAP_KAFKA: '', MESHTAP_REDIS: '', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    t.teardown(() => child.kill('SIGKILL'))
    child.stdout.on('data', (chunk) => (this.printed += String(chunk)))
    child.stderr.on('data', (chunk) => (this.said += String(chunk)))
    this.ended = once(child, 'close').then(([code]) => code as number | null)
    this.#child = child
  }

  /** The values of the two variables, once they are printed. */
  async exports(): Promise<Record<string, string>> {
    for (;;) {
      const found = [...this.printed.matchAll(/^export (\w+)=(.*)\n/gm)]
      if (found.length === 2) return Object.fromEntries(found.map(([, name, value]) => [name, value]))
      const more = once(this.#child.stdout!, 'data').then(() => true)
      if (await Promise.race([more, this.ended.then(() => false)])) continue
      throw new Error(`it ended: ${this.said}`)
    }
  }

  signal(signal: 'SIGINT' | 'SIGTERM'): void {
    this.#child.kill(signal)
  }
}

t.test('npm run stack starts both, says where they are, and stops them', async (t) => {
  const directory = t.testdir()
  const stack = new Stack(t, ['--directory', directory])
  const found = await stack.exports()
  const redis = new Redis(found['MESHTAP_REDIS']!)
  redis.on('error', () => {})
  t.teardown(() => redis.disconnect())
  t.equal(await redis.ping(), 'PONG')
  const kafka = new kafkajs.Kafka({
    brokers: [found['MESHTAP_KAFKA']!],
    logLevel: kafkajs.logLevel.NOTHING,
  })
  const admin = kafka.admin()
  await admin.connect()
  t.strictSame(await admin.listTopics(), [])
  await admin.disconnect()

  const second = new Stack(t, ['--directory', directory])
  t.equal(await second.ended, 1)
  t.match(second.said, /error: cannot use .*in use by process/)

  stack.signal('SIGINT')
  t.equal(await stack.ended, 0)
  const late = new Redis(found['MESHTAP_REDIS']!, { lazyConnect: true, retryStrategy: null })
  late.on('error', () => {})
  await t.rejects(late.connect())
})

t.test('npm run stack starts nothing where both variables are set', async (t) => {
  const stack = new Stack(t, [], {
    MESHTAP_KAFKA: 'kafka:9092',
    MESHTAP_REDIS: 'redis://user:a b@redis:6379',
  })
  t.equal(await stack.ended, 0)
  t.equal(
    stack.printed,
    `export MESHTAP_KAFKA=kafka:9092\nexport MESHTAP_REDIS='redis://user:a b@redis:6379'\n`,
  )
  t.match(stack.said, /MESHTAP_KAFKA is set.*\nMESHTAP_REDIS is set/)
})

t.test('without Java, and without Docker, npm run stack says what is missing', async (t) => {
  const directory = t.testdir()
  const stack = new Stack(t, ['--directory', directory], { PATH: directory })
  t.equal(await stack.ended, 1)
  t.match(stack.said, /error: Kafka needs Java 17.*MESHTAP_KAFKA/)
})

t.test('without Java, npm run stack uses the services of Docker Compose', async (t) => {
  const directory = t.testdir({ bin: {} })
  const docker = `${directory}/bin/docker`
  writeFileSync(docker, `#!/bin/sh\necho "$@" >> ${directory}/calls\n`)
  chmodSync(docker, 0o755)
  const stack = new Stack(t, ['--directory', `${directory}/data`], { PATH: `${directory}/bin` })
  t.match(await stack.exports(), {
    MESHTAP_KAFKA: /^127.0.0.1:\d+$/,
    MESHTAP_REDIS: /^redis:\/\/:\w+@127.0.0.1:\d+$/,
  })
  stack.signal('SIGTERM')
  t.equal(await stack.ended, 0)
  const root = new URL('../../', import.meta.url).pathname.replace(/\/$/, '')
  t.strictSame(readFileSync(`${directory}/calls`, 'utf8').trim().split('\n'), [
    'version --format {{.Server.Version}}',
    `compose --project-directory ${root} up --detach --wait kafka valkey`,
    `compose --project-directory ${root} stop kafka valkey`,
  ])
})
