import { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import t from 'tap'
import { type ConnectionReport, ConnectionTracker } from '../../src/proxy/connection-tracker.ts'
import { FakeTime } from '../reporter/fake-time.ts'

const WEB = { namespace: 'emojivoto', kind: 'deployment', name: 'web' }
const BOT = { namespace: 'emojivoto', kind: 'deployment', name: 'vote-bot' }

class FakeSocket extends EventEmitter {
  bytesRead = 0
  bytesWritten = 0
  destroyed = false

  close(): void {
    this.destroyed = true
    this.emit('close')
  }
}

function rig() {
  const time = new FakeTime()
  const reports: ConnectionReport[] = []
  const tracker = new ConnectionTracker({
    after: time.after,
    periodMs: 10_000,
    report: (report) => reports.push(report),
  })
  const open = (): FakeSocket => {
    const socket = new FakeSocket()
    tracker.track(socket as unknown as Socket)
    return socket
  }
  const attribute = (socket: FakeSocket, peer: object): void =>
    tracker.attribute(socket as unknown as Socket, peer)
  const lines = (): string[] =>
    reports
      .splice(0)
      .map(({ peer, open, opened, closed, readBytes, writtenBytes }) =>
        [peer?.name ?? '-', `${open} open`, `+${opened}`, `-${closed}`, readBytes, writtenBytes].join(' '),
      )
  return { time, tracker, open, attribute, lines }
}

t.test('connections are reported soon after they change, and else every period', async (t) => {
  const { time, open, lines } = rig()
  const socket = open()
  open()
  await time.pass(999)
  t.same(lines(), [])
  await time.pass(1)
  t.same(lines(), ['- 2 open +2 -0 0 0'])
  socket.bytesRead = 10
  socket.bytesWritten = 20
  await time.pass(9999)
  t.same(lines(), [])
  await time.pass(1)
  t.same(lines(), ['- 2 open +0 -0 10 20'])
  socket.bytesRead = 15
  socket.close()
  await time.pass(1000)
  t.same(lines(), ['- 1 open +0 -1 5 0'])
  await time.pass(10_000)
  t.same(lines(), ['- 1 open +0 -0 0 0'], 'a proxy that is there is heard of')
})

t.test('when nothing is open any more, that is said once, and then nothing', async (t) => {
  const { time, open, lines } = rig()
  open().close()
  await time.pass(60_000)
  t.same(lines(), ['- 0 open +1 -1 0 0'])
  t.same(time.waits, [])
})

t.test('a connection counts for its peer from when that is known', async (t) => {
  const { time, open, attribute, lines } = rig()
  const early = open()
  attribute(early, { ...WEB, pod: 'web-1' })
  attribute(early, BOT)
  const late = open()
  await time.pass(1000)
  t.same(lines(), ['- 1 open +1 -0 0 0', 'web 1 open +1 -0 0 0'])
  late.bytesRead = 7
  attribute(late, { ...WEB, pod: 'web-2' })
  await time.pass(1000)
  t.same(lines(), ['- 0 open +0 -1 0 0', 'web 2 open +1 -0 7 0'], 'pods of one workload are one peer')
})

t.test('openings less closings are what is open, whatever happens', async (t) => {
  const { time, tracker, open, attribute, lines } = rig()
  const sockets: FakeSocket[] = []
  const sums = new Map<string, number>()
  for (let step = 0; step < 300; step++) {
    if (step % 3 !== 2) sockets.push(open())
    if (step % 5 === 0) attribute(sockets[step % sockets.length]!, step % 2 === 0 ? WEB : BOT)
    if (step % 7 === 0) sockets.splice(step % sockets.length, 1)[0]!.close()
    await time.pass(400)
    for (const line of lines()) {
      const [peer = '', open, , opened, closed] = line.split(' ')
      const sum = (sums.get(peer) ?? 0) + Number(opened) + Number(closed)
      sums.set(peer, sum)
      if (sum !== Number(open)) t.fail(`${sum} by openings and closings: ${line}`)
    }
  }
  tracker.close()
  t.ok(
    lines().every((line) => line.includes(' 0 open ')),
    'a closing proxy holds nothing open',
  )
  t.same(time.waits, [])
})

t.test('peers are bounded: the connections of more count as of an unknown one', async (t) => {
  const { time, open, attribute, lines } = rig()
  for (let i = 0; i < 3000; i++) attribute(open(), { name: `w${i}` })
  await time.pass(1000)
  const found = lines()
  t.equal(found.length, 1024)
  t.equal(found[0], `- ${3000 - 1023} open +${3000 - 1023} -0 0 0`)
})
