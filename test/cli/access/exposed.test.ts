import { once } from 'node:events'
import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls'
import t, { type Test } from 'tap'
import WebSocket from 'ws'
import { RoleProcess } from '../../app/role-process.ts'
import { ServeProcess } from '../../e2e/serve-process.ts'
import { CERTIFICATE, guardedServe, requests, TOKENS } from './guarded-serve.ts'

const fixture = (name: string) => CERTIFICATE.replace('loopback-cert.pem', `${name}.pem`)

/** Rejects after a time that no machine needs. */
async function until<T>(what: string, ask: () => T | undefined | Promise<T | undefined>): Promise<T> {
  const deadline = Date.now() + 30_000
  for (;;) {
    const answer = await ask()
    if (answer !== undefined) return answer
    if (Date.now() > deadline) throw new Error(`${what} does not come`)
    await sleep(50)
  }
}

async function shaken(url: string, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connect({
    host: '127.0.0.1',
    port: Number(new URL(url).port),
    rejectUnauthorized: false,
    ...options,
  })
  socket.on('error', () => {})
  await once(socket, 'secureConnect')
  return socket
}

/** The name in the certificate that a new connection is shown. */
async function shown(url: string): Promise<string> {
  const socket = await shaken(url)
  const { CN } = socket.getPeerCertificate().subject
  socket.destroy()
  return String(CN)
}

/** What is answered on a connection: empty where it is cut. */
async function answered(socket: TLSSocket): Promise<string> {
  socket.write('GET /livez HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n')
  let text = ''
  socket.on('data', (chunk: Buffer) => (text += chunk.toString()))
  await new Promise<void>((resolve) => socket.once('close', () => resolve()))
  return text
}

async function tlsServe(t: Test, ...flags: string[]) {
  const directory = t.testdir({ data: {} })
  const put = (name: 'cert' | 'key', text: string) => {
    rmSync(`${directory}/${name}`, { force: true })
    writeFileSync(`${directory}/${name}`, text)
  }
  copyFileSync(fixture('loopback-cert'), `${directory}/cert`)
  copyFileSync(fixture('loopback-key'), `${directory}/key`)
  const files = ['--tls-cert', `${directory}/cert`, '--tls-key', `${directory}/key`]
  const serve = await ServeProcess.start(`${directory}/data`, ...files, ...flags)
  t.teardown(() => serve.kill('SIGKILL'))
  return { serve, put }
}

t.test('a certificate that is renewed is shown to new connections, without a restart', async (t) => {
  const { serve, put } = await tlsServe(t)
  const urls = [serve.gatewayUrl, serve.ingestUrl]
  const before = await shown(serve.gatewayUrl)
  t.not(before, 'renewed')
  const open = await shaken(serve.gatewayUrl)

  put('cert', readFileSync(fixture('renewed-cert'), 'utf8'))
  await until('the fault', () => /do not go together/.exec(serve.log) ?? undefined)
  for (const url of urls) t.equal(await shown(url), before, 'one without its key is not used')
  put('key', readFileSync(fixture('renewed-key'), 'utf8'))
  for (const url of urls)
    await until('the renewed one', async () => ((await shown(url)) === 'renewed' ? true : undefined))
  t.match(await answered(open), /^HTTP\/1\.1 200/, 'what was open stays')

  const faults = () => serve.log.match(/do not go together/g)!.length
  const already = faults()
  put('cert', 'no certificate')
  await until('the fault', () => (faults() > already ? true : undefined))
  for (const url of urls) t.equal(await shown(url), 'renewed', 'the last good one is shown')
})

t.test('who has no certificate of the CA is not let in', async (t) => {
  const { serve } = await tlsServe(t, '--tls-client-ca', fixture('client-cert'))
  const certificate = {
    cert: readFileSync(fixture('client-cert')),
    key: readFileSync(fixture('client-key')),
  }
  const foreign = {
    cert: readFileSync(fixture('renewed-cert')),
    key: readFileSync(fixture('renewed-key')),
  }
  for (const url of [serve.gatewayUrl, serve.ingestUrl]) {
    t.match(await answered(await shaken(url, certificate)), /^HTTP\/1\.1 200/)
    for (const options of [{}, foreign]) t.equal(await answered(await shaken(url, options)), '')
  }
})

t.test('a server that others reach wants to know who asks, or to be told that it need not', async (t) => {
  for (const [role, listen, settings, wanted] of [
    ['serve', 'listen', { data: `${t.testdirName}/data` }, 'access-tokens, jwt-keys or jwt-secret'],
    ['serve', 'ingest-listen', { data: `${t.testdirName}/data` }, 'ingest-tokens'],
    ['gateway', 'listen', { redis: 'redis://127.0.0.1:1' }, 'access-tokens, jwt-keys or jwt-secret'],
    ['ingest', 'ingest-listen', { kafka: '127.0.0.1:1' }, 'ingest-tokens'],
    ['ingest', 'grpc-listen', { kafka: '127.0.0.1:1' }, 'ingest-tokens'],
  ] as const) {
    const anywhere = { listen: '127.0.0.1:0', 'ingest-listen': '127.0.0.1:0' }
    const given = { ...anywhere, ...settings, [listen]: '0.0.0.0:0' }
    await t.rejects(RoleProcess.start(role, given), {
      message: new RegExp(
        `ended with 2: error: ${listen} is 0\\.0\\.0\\.0:0, which others can reach.* give ${wanted}, or`,
      ),
    })
    const insecure = await RoleProcess.start(role, { ...given, insecure: 'true' })
    t.equal((await insecure.ask('/livez')).status, 200, `${role} ${listen}`)
    await insecure.stop('SIGKILL')
  }
})

t.test('a demo that could not send says so, and how it can', async (t) => {
  const data = t.testdir({ tokens: 'sender sender-0123456789-token', data: {} })
  const tls = ['--tls-cert', fixture('loopback-cert'), '--tls-key', fixture('loopback-key')]
  for (const [setting, flags] of [
    ['ingest-tokens', ['--ingest-tokens', `${data}/tokens`]],
    ['tls-cert', tls],
  ] as const) {
    await t.rejects(ServeProcess.start(`${data}/data`, '--demo', ...flags), {
      message: new RegExp(`error: --demo cannot send to an ingest with ${setting}: .*meshtap demo`),
    })
  }
})

t.test('the log says who looked at what, and for how long, however that ends', async (t) => {
  const of = '{subjects: [alice], namespaces: [shop], allow: [tap, paths]}'
  await using guarded = await guardedServe(t, of)
  const { serve } = guarded
  const entries = () =>
    serve.log
      .split('\n')
      .filter((line) => line.includes('"logger":"audit"'))
      .map((line) => JSON.parse(line) as Record<string, unknown>)
  const socket = new WebSocket(`${serve.gatewayUrl.replace('http', 'ws')}/api/v1/tap?path=/cart`, {
    headers: { authorization: `Bearer ${TOKENS.alice}` },
  })
  await once(socket, 'open')
  const opened = await until('the first entry', () => entries()[0])
  t.match(opened, { msg: 'tap opened', who: 'alice', by: 'token', from: '127.0.0.1', query: /path=.*cart/ })
  const frames: string[] = []
  socket.on('message', (data: Buffer) => frames.push(data.toString()))
  await fetch(`${serve.ingestUrl}/v1/events`, {
    method: 'POST',
    headers: { authorization: `Bearer ${TOKENS.sender}`, 'content-type': 'application/x-ndjson' },
    body: requests('shop', 'web', ['/cart', '/cart', '/other']),
  })
  await until('the events', () => (frames.some((frame) => frame.includes('"sent":2')) ? true : undefined))
  // As where its machine loses power, but that the system tells.
  socket.terminate()
  const ended = await until('the second entry', () => entries()[1])
  t.match(ended, {
    msg: 'tap ended',
    tap: opened['tap'],
    who: 'alice',
    by: 'token',
    from: '127.0.0.1',
    query: opened['query'],
    forMs: Number,
    matched: 2,
    sent: 2,
    dropped: 0,
    why: 'client',
  })
  t.ok(Number(ended['forMs']) > 0)
  t.notMatch(serve.log, TOKENS.alice)
})
