import t, { type Test } from 'tap'
import { TapNotes, tapSummary } from '../../../src/cli/tap/tap-notes.ts'
import { UNKNOWN_RESOURCE, tapEvent } from '../answers.ts'
import { runInProcess } from '../in-process.ts'
import { runCli, startCli } from '../run-cli.ts'
import { frame, tapServer, type TapServer } from './tap-server.ts'

async function serving(t: Test, ...args: Parameters<typeof tapServer>): Promise<TapServer> {
  const server = await tapServer(...args)
  t.teardown(() => server[Symbol.asyncDispose]())
  return server
}

t.test('without a terminal a request is three lines, and the numbers come last', async (t) => {
  const server = await serving(t, (socket) =>
    socket.send(frame([tapEvent(), tapEvent(), tapEvent()], { seen: 9 })),
  )
  const args = [
    'tap',
    'deploy/web',
    '-n',
    'shop',
    '--method',
    'GET',
    '--authority',
    'web*',
    '--path',
    '/some',
  ]
  const more = [
    '--status',
    '5xx',
    '--min-latency',
    '10ms',
    '--header',
    'x-a:b',
    '--direction',
    'out',
    '--to',
    'svc/x',
  ]
  const result = await runCli([...args, ...more, '--max-rps', '5', '--limit', '2', '--gateway', server.url])
  const lines = result.stdout.split('\n')
  t.strictSame(
    lines.map((line) => line.slice(0, 10)),
    ['req id=0:0', 'rsp id=0:0', 'end id=0:0', 'req id=0:1', 'rsp id=0:1', 'end id=0:1', ''],
  )
  t.equal(result.stderr, 'seen 9, matched 3, sent 3, dropped 0, sampled out 0\n')
  t.equal(result.code, 0)
  t.strictSame(Object.fromEntries(new URL(server.asked[0]!, server.url).searchParams), {
    resource: 'deployment/web',
    namespace: 'shop',
    direction: 'out',
    to: 'service/x',
    method: 'GET',
    authority: 'web*',
    path: '/some',
    status: '5xx',
    min_latency: '10ms',
    header: 'x-a:b',
    max_rps: '5',
  })
})

t.test('a terminal shows a line an event; JSON is an object a line', async (t) => {
  const server = await serving(t, (socket) => socket.send(frame([tapEvent({ path: '/\u009b2J' })])))
  const compact = await runInProcess(['tap', '--limit', '1', '--gateway', server.url], { columns: 80 })
  t.equal(
    compact.stdout,
    '10:00:00.123Z  out  0.0.0.1 → my-pod  GET localhost/\\x9b2J  200 Code(666)  1m50s  1.3KiB\n',
  )
  const colours = await runInProcess(['tap', '--limit', '1', '--gateway', server.url], {
    columns: 80,
    colors: true,
  })
  t.match(colours.stdout, '\u001b[32m200 Code(666)\u001b[39m')
  const json = await runInProcess(['tap', '--limit', '1', '-o', 'json', '--gateway', server.url])
  t.match(json.stdout, /^\{.*"path":"\/\\u009b2J".*\}\n$/)
  t.strictSame(JSON.parse(json.stdout), tapEvent({ path: '/\u009b2J' }))
  const wide = await runInProcess(['tap', '--limit', '1', '-o', 'wide', '--gateway', server.url], {
    columns: 80,
  })
  t.match(wide.stdout, /^req id=0:0 .* dst_pod=my-pod\nrsp /)
})

t.test('it ends when it is told to, and after its time', async (t) => {
  const server = await serving(t, (socket) => socket.send(frame([tapEvent()])))
  const running = startCli(['tap', '--gateway', server.url])
  await running.until(/^end id=0:0/m)
  running.child.kill('SIGINT')
  const stopped = await running.result
  t.equal(stopped.code, 0)
  t.match(stopped.stderr, /^seen 1, matched 1, sent 1, dropped 0, sampled out 0\n$/)
  const timed = await runInProcess(['tap', '--duration', '50ms', '--gateway', server.url])
  t.equal(timed.code, 0)
})

t.test('who has read enough ends it', async (t) => {
  const server = await serving(t, (socket) => {
    const timer = setInterval(() => socket.send(frame([tapEvent()])), 5)
    socket.once('close', () => clearInterval(timer))
  })
  const running = startCli(['tap', '--gateway', server.url])
  await running.until(/^end id=0:0/m)
  running.child.stdout!.destroy()
  t.equal((await running.result).code, 0)
})

t.test('a gateway that is not there is said to be, without numbers', async (t) => {
  const server = await tapServer(() => {})
  await server[Symbol.asyncDispose]()
  const { code, stdout, stderr } = await runInProcess(['tap', '--gateway', server.url])
  t.match(stderr, /^error: cannot reach the gateway at /)
  t.strictSame({ code, stdout }, { code: 1, stdout: '' })
})

t.test('a tap that shows nothing says why', async (t) => {
  const server = await serving(
    t,
    (socket) => socket.send(frame([], { seen: 41 })),
    (_, response) =>
      response.end(JSON.stringify({ rows: [], partial: [], watermark: null, empty: UNKNOWN_RESOURCE })),
  )
  const running = startCli(['tap', 'deploy/nope', '--gateway', server.url])
  await running.until(/41 events were seen\./)
  running.child.kill('SIGTERM')
  const { code, stderr } = await running.result
  t.match(stderr, `${UNKNOWN_RESOURCE.message} 41 events were seen.\n`)
  t.equal(code, 0)
})

t.test('what is not shown is said now and then, not all the time', async (t) => {
  const lines: string[] = []
  const notes = new TapNotes('100', (line) => lines.push(line))
  const totals = { seen: 0, matched: 0, sent: 0, dropped: 0, sampledOut: 0 }
  notes.update(totals, 0, 0)
  t.strictSame(lines, [])
  notes.update({ ...totals, sampledOut: 5 }, 0, 10)
  notes.update({ ...totals, sampledOut: 9 }, 0, 20)
  t.strictSame(lines.splice(0), [
    'more than 100 events a second match: what is shown is an even sample of them (see --max-rps)',
  ])
  notes.update({ ...totals, dropped: 3 }, 1, 30)
  notes.update({ ...totals, dropped: 7 }, 1, 4000)
  notes.update({ ...totals, dropped: 7 }, 1, 6000)
  notes.update({ ...totals, dropped: 7 }, 1, 20_000)
  t.strictSame(lines, [
    '3 events dropped so far: they come faster than they are read here, or were lost on the way to the gateway',
    '1 events not printed so far: the output takes them more slowly than they come',
    '7 events dropped so far: they come faster than they are read here, or were lost on the way to the gateway',
  ])
  t.equal(
    tapSummary({ ...totals, seen: 7 }, 3),
    'seen 7, matched 0, sent 0, dropped 0, sampled out 0, not printed 3',
  )
})
