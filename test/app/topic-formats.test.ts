import { join } from 'node:path'
import t from 'tap'
import { openTopicFormats } from '../../src/app/topic-formats.ts'
import { Dictionary } from '../../src/event/dictionary.ts'
import { EventColumns } from '../../src/event/event-columns.ts'
import { eventsOf } from '../../src/event/event-objects.ts'

function open(path: string) {
  const topicFormats = [{ topic: 'edge.mesh.requests', format: { kind: 'mapping' as const, path } }]
  return openTopicFormats({ settings: { topic: 'mesh.requests', topicFormats } } as never)
}

t.test('a topic that is not read, or is named twice, is a fault of its setting', async (t) => {
  const otlp = (topic: string) => ({ topic, format: { kind: 'otlp' } })
  const opened = (...topics: readonly string[]) =>
    openTopicFormats({
      settings: { topic: 'mesh.requests', topicFormats: topics.map(otlp) },
    } as never)
  t.equal((await opened('mesh.requests', 'east.mesh.requests')).size, 2)
  await t.rejects(opened('east.mesh.request'), {
    name: 'SettingError',
    message:
      'topic-formats: east.mesh.request is not read: only mesh.requests and <cluster>.mesh.requests are',
  })
  await t.rejects(opened('mesh.requests', 'mesh.requests'), {
    message: 'topic-formats: mesh.requests has two formats',
  })
})

t.test('a mapping that is not there or wrong is a fault of its setting', async (t) => {
  const directory = t.testdir({ 'wrong.yaml': 'events:\n  - time: t\n' })
  for (const [name, message] of [
    ['none.yaml', /^topic-formats: .*none\.yaml cannot be read: ENOENT$/],
    ['wrong.yaml', /^topic-formats: .*wrong\.yaml:2: events\.0 lacks direction/],
  ] as const)
    await t.rejects(open(join(directory, name)), { name: 'SettingError', message })
})

t.test('the answer of a server that is no gRPC status costs nginx lines nothing', async (t) => {
  const formats = await open(join(import.meta.dirname, '../../mappings/nginx.yaml'))
  const columns = new EventColumns(new Dictionary())
  const line = { msec: '1763978400.123', request_time: '0.010', status: '200', method: 'GET' }
  const text = ['0', 'oops', '-', '']
    .map((grpc_status) => JSON.stringify({ ...line, grpc_status }))
    .join('\n')
  formats.get('edge.mesh.requests')!(new TextEncoder().encode(text), columns)
  t.strictSame(
    eventsOf(columns).map((event) => event.kind === 'request' && event.grpcStatus),
    [0, undefined, undefined, undefined],
  )
})
