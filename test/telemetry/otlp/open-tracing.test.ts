import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import t from 'tap'
import { openTracing } from '../../../src/telemetry/otlp/open-tracing.ts'

t.test('a collector that never answers does not hold up the end', async (t) => {
  const sockets = new Set<Socket>()
  const silent = createServer((socket) => sockets.add(socket.on('error', () => undefined)))
  silent.listen(0, '127.0.0.1')
  await once(silent, 'listening')
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    silent.close()
  })
  const tracing = await openTracing({
    endpoint: `http://127.0.0.1:${(silent.address() as AddressInfo).port}`,
    protocol: 'http/protobuf',
    ratio: 1,
    serviceName: 'test',
    version: '1',
    onTrouble: () => undefined,
  })
  for (let i = 0; i < 3; i++) tracing.tracer.begin('work', { kind: 'internal' }).end()
  const startMs = performance.now()
  t.equal(await tracing.close(), 3, 'it says what was not sent')
  // A batch alone is tried for 5 s; a role has less than that to stop.
  const ms = performance.now() - startMs
  t.ok(ms < 4_500, `${ms} ms`)
  t.match(tracing.counts, { sent: 0, waiting: 3 })
})
