import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import t from 'tap'
import { GatewayProcess } from './gateway-process.ts'
import { askRaw, atOnce, GET, upgraded } from './raw-http.ts'

// On a machine that is busy with others.
t.setTimeout(300_000)

const closed = (socket: Socket): Promise<void> =>
  new Promise((resolve) => {
    socket.once('close', () => resolve())
    if (socket.destroyed) resolve()
  })

async function connected(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  await once(socket, 'connect')
  return socket
}

t.test('connections on which nothing, or not enough, is said are ended in time', async (t) => {
  const limits = { requestTimeoutMs: 1000, connectionsPerAddress: 200, requestsPerMinute: 1_000_000 }
  const gateway = await GatewayProcess.start(t, { limits })
  const silent = await Promise.all(Array.from({ length: 50 }, () => connected(gateway.port)))
  // A byte of the headers now and then, and a body that never comes.
  const trickling = await Promise.all(
    Array.from({ length: 50 }, async (_, i) => {
      const socket = await connected(gateway.port)
      socket.write(
        i % 2 === 0
          ? 'GET / HTTP/1.1\r\nHost: localhost\r\nx:'
          : 'POST /api/v1/tickets HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n',
      )
      const drip = setInterval(() => socket.write('x'), 50)
      socket.once('close', () => clearInterval(drip))
      return socket
    }),
  )
  const answers = trickling.map(async (socket) => {
    let text = ''
    socket.on('data', (data) => (text += data.toString()))
    await closed(socket)
    return text
  })
  t.equal((await askRaw(gateway.port, GET('/livez'))).status, 200, 'others are answered meanwhile')
  for (const socket of silent) socket.resume()
  await Promise.all(silent.map(closed))
  t.pass('who says nothing is cut')
  for (const answer of await Promise.all(answers)) t.match(answer, /^HTTP\/1\.1 (408|415|413) /)
})

t.test('more connections than are allowed of one address are closed at once', async (t) => {
  const gateway = await GatewayProcess.start(t, { limits: { connectionsPerAddress: 100 } })
  const sockets = await Promise.all(Array.from({ length: 150 }, () => connected(gateway.port)))
  for (const socket of sockets) socket.resume()
  const { http } = await gateway.until(({ http }) => http.droppedConnections >= 50)
  t.equal(http.droppedConnections, 50)
  while (sockets.filter(({ destroyed }) => destroyed).length < 50) await new Promise(setImmediate)
  const open = sockets.find(({ destroyed }) => !destroyed)!
  open.write(GET('/livez'))
  t.match(String((await once(open, 'data'))[0]), /^HTTP\/1\.1 200/, 'those that were there are served')
  for (const socket of sockets) socket.destroy()
})

t.test('a websocket that answers no ping is found dead by the ping after', async (t) => {
  const gateway = await GatewayProcess.start(t, { limits: { pingMs: 500 } })
  const sockets: Socket[] = []
  for (let i = 0; i < 20; i++) {
    const socket = await upgraded(gateway.port, i % 2 === 0 ? '/api/v1/tap' : '/api/v1/stat?resource=deploy')
    if ('status' in socket) throw new Error(`refused with ${socket.status}`)
    // Half of them do not even read that the connection ended.
    if (i % 4 < 2) socket.resume()
    sockets.push(socket)
  }
  const { websockets } = await gateway.until(({ taps, live }) => taps.sessions + live.clients === 0)
  t.same(websockets, { silent: 20, talkative: 0, malformed: 0 })
  for (const socket of sockets) socket.destroy()
})

t.test('a connection with many requests that wait for their answers is cut', async (t) => {
  const gateway = await GatewayProcess.start(t, { limits: { requestsPerMinute: 1_000_000 } })
  const before = gateway.residentMiB
  await atOnce(Array(50).values(), 50, async () => {
    const socket = await connected(gateway.port)
    socket.pause()
    socket.write(GET('/api/openapi.json').repeat(5000))
    t.teardown(() => socket.destroy())
  })
  const { http } = await gateway.until(({ http }) => http.cutConnections === 50)
  t.ok(http.requests < 50 * 40, `${http.requests} requests were begun`)
  t.equal((await askRaw(gateway.port, GET('/livez'))).status, 200)
  t.comment(`${gateway.peakMiB - before} MiB at most`)
  const answer = await (await fetch(`http://127.0.0.1:${gateway.port}/api/openapi.json`)).arrayBuffer()
  // Of each connection 32 answers, and what else a gateway takes; of all that was asked for it were gibibytes.
  t.ok(gateway.peakMiB - before < (50 * 32 * answer.byteLength) / 2 ** 20 + 200)
})

t.test('who takes nothing of an answer is cut', async (t) => {
  const gateway = await GatewayProcess.start(t, { limits: { stalledAnswerMs: 1000 } })
  const socket = await connected(gateway.port)
  socket.pause()
  // More than the system takes for a client that does not.
  socket.write(GET('/api/docs/static/swagger-ui-bundle.js').repeat(12))
  await gateway.until(({ http }) => http.cutConnections === 1)
  socket.destroy()
  t.equal((await askRaw(gateway.port, GET('/livez'))).status, 200)
})
