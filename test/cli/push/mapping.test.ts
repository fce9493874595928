import { writeFileSync } from 'node:fs'
import t from 'tap'
import { CONTENT_TYPES } from '../../../src/event/content-type.ts'
import { decode } from '../../../src/event/decode.ts'
import { Dictionary } from '../../../src/event/dictionary.ts'
import { EventColumns } from '../../../src/event/event-columns.ts'
import { eventsOf } from '../../../src/event/event-objects.ts'
import { cannedServer } from '../canned-server.ts'
import { runCli } from '../run-cli.ts'

const NGINX = {
  msec: 1_763_978_400.123,
  request_time: '0.250',
  hostname: 'edge-1',
  remote_addr: '10.0.0.9',
  workload: 'nginx',
  status: '200',
  upstream_addr: '10.0.0.5:8080, 10.0.0.6:8080',
  upstream_status: '502, 200',
  upstream_response_time: '0.001, 0.240',
}

t.test('push --mapping sends the events of an access log', async (t) => {
  const server = await cannedServer(() => ({}))
  t.teardown(() => server[Symbol.asyncDispose]())
  const path = `${t.testdir()}/access.log`
  writeFileSync(path, `${JSON.stringify(NGINX)}\n${JSON.stringify({ ...NGINX, upstream_addr: '-' })}\n`)
  const { stdout, code } = await runCli(['push', path, '--mapping', 'nginx', '--ingest', server.url])
  t.equal(code, 0)
  t.match(stdout, /^pushed 3 events in 1 batches/)
  const columns = new EventColumns(new Dictionary())
  t.match(decode(CONTENT_TYPES.eventBatch, server.received[0]!.body, columns), { kind: 'decoded' })
  t.match(eventsOf(columns), [
    {
      direction: 'inbound',
      latencyMicros: 250_000,
      destination: { name: 'nginx' },
      source: { ip: '10.0.0.9' },
    },
    {
      direction: 'outbound',
      latencyMicros: 240_000,
      status: 200,
      destination: { ip: '10.0.0.6', port: 8080 },
    },
    { direction: 'inbound' },
  ])
})

t.test('push --dry-run prints events and sends none', async (t) => {
  const directory = t.testdir({
    'm.yaml':
      'events:\n  - { direction: { value: inbound }, time: { field: t, unit: ms }, latency: ms, path: p }\n',
    'access.log': '{"t":1000,"ms":0.5,"p":"/a"}\nnot JSON\n{"t":1000,"p":"/b"}\n',
    'bad.yaml': 'events:\n  - { time: t }\n',
  })
  const common = ['push', `${directory}/access.log`, '--dry-run', '--ingest', 'http://127.0.0.1:1']
  const stopped = await runCli([...common, '--mapping', `${directory}/m.yaml`])
  t.equal(stopped.code, 1)
  t.match(stopped.stderr, 'access.log, line 2: is no JSON object')
  const whole = await runCli([...common, '--mapping', `${directory}/m.yaml`, '--skip-malformed'])
  t.equal(whole.code, 0)
  t.match(JSON.parse(whole.stdout), { time: '1970-01-01T00:00:01.000Z', path: '/a', latencyMicros: 500_000 })
  t.match(whole.stderr, 'line 3: ms: has no value; it must be a latency in s')
  t.match(whole.stderr, '1 events, 2 malformed left out; nothing was sent')
  const bad = await runCli([...common, '--mapping', `${directory}/bad.yaml`])
  t.equal(bad.code, 2)
  t.match(bad.stderr, 'bad.yaml:2: events.0 lacks direction')
  const unknown = await runCli([...common, '--mapping', 'apache'])
  t.equal(unknown.code, 2)
  t.match(unknown.stderr, 'must be one of nginx, haproxy, traefik, caddy, or a file')
})
