import t, { type Test } from 'tap'
import { GatewayClient } from '../../../src/cli/gateway-client.ts'
import { followTap, type FollowTapOptions, type TapTotals } from '../../../src/cli/tap/follow-tap.ts'
import type { TapAnswer } from '../../../src/query/answer.ts'
import { tapEvent } from '../answers.ts'
import { frame, refusingServer, tapServer, type TapServer } from './tap-server.ts'

interface Followed {
  readonly frames: (readonly [number, number])[]
  readonly notes: string[]
  readonly slept: number[]
  totals: TapTotals | undefined
}

/** Follows the tap, without real waits, until `isEnough`. */
async function follow(
  server: TapServer,
  isEnough: (followed: Followed) => boolean,
  options: Partial<FollowTapOptions> = {},
  onFrame: (frame: TapAnswer) => void = () => {},
): Promise<Followed> {
  const followed: Followed = { frames: [], notes: [], slept: [], totals: undefined }
  const stop = new AbortController()
  let nowMs = 0
  const check = (): void => {
    if (isEnough(followed)) stop.abort()
  }
  await followTap({
    client: new GatewayClient(server.url),
    parameters: { resource: 'deployment/web', path: '/a b' },
    signal: stop.signal,
    retryForMs: 60_000,
    onFrame: (frame, connection, totals) => {
      const { events } = frame
      onFrame(frame)
      followed.frames.push([connection, events.length])
      followed.totals = totals
      check()
    },
    onNote: (line) => {
      followed.notes.push(line)
      check()
    },
    now: () => nowMs,
    sleep: async (ms) => {
      followed.slept.push(ms)
      nowMs += ms
    },
    random: () => 1,
    ...options,
  })
  return followed
}

async function serving(t: Test, ...args: Parameters<typeof tapServer>): Promise<TapServer> {
  const server = await tapServer(...args)
  t.teardown(() => server[Symbol.asyncDispose]())
  return server
}

t.test('a tap is followed by its URL until it is stopped', async (t) => {
  const server = await serving(t, (socket) => {
    socket.send(frame([tapEvent(), tapEvent()]))
    socket.send(frame([], { seen: 9, matched: 5, sent: 2, dropped: 1, sampledOut: 2 }))
  })
  const { frames, notes, totals } = await follow(server, ({ frames }) => frames.length === 2)
  t.strictSame(server.asked, ['/api/v1/tap?resource=deployment%2Fweb&path=%2Fa+b'])
  t.strictSame(frames, [
    [0, 2],
    [0, 0],
  ])
  t.strictSame(totals, { seen: 9, matched: 5, sent: 2, dropped: 1, sampledOut: 2 })
  t.strictSame(notes, [])
})

const PAST = '/api/v1/tap?resource=deployment%2Fweb&path=%2Fa+b'

t.test('a connection that breaks is made again, with what was missed', async (t) => {
  const event = (path: string) => tapEvent({ path })
  const running = (paths: readonly string[]) => frame(paths.map(event), { replay: { state: 'running' } })
  const server = await serving(t, (socket, count) => {
    if (count === 1) {
      socket.send(frame(['/1', '/2', '/2'].map(event), { seen: 10 }), () =>
        socket.close(1001, 'the tap ended'),
      )
    } else if (count === 2) {
      // It ends within the past: of that, too, what was shown is not shown again.
      socket.send(running(['/0', '/2', '/2', '/2', '/3']), () => socket.terminate())
    } else {
      socket.send(running(['/0', '/1', '/2', '/2', '/2', '/3', '/4']))
      socket.send(frame([event('/5')], { sent: 8, matched: 8, replay: { state: 'done' } }))
      // What is live is new, whatever it looks like.
      socket.send(frame([event('/1')], { sent: 9, matched: 9 }))
    }
  })
  const paths: string[] = []
  const { notes, totals, slept } = await follow(
    server,
    ({ frames }) => frames.length === 5,
    {},
    ({ events }) => paths.push(...events.map(({ path }) => String(path))),
  )
  t.strictSame(paths, ['/1', '/2', '/2', '/0', '/2', '/3', '/4', '/5', '/1'])
  t.match(totals, { matched: 9, sent: 9 }, 'numbers are those of all connections, without what came twice')
  t.strictSame(server.asked, [PAST, `${PAST}&since=16s`, `${PAST}&since=16s`])
  t.strictSame(notes, [
    `lost the connection to ${server.url} (the tap ended); connecting again`,
    'connected again after 0.3 s; requests of that time come first',
    `lost the connection to ${server.url} (code 1006); connecting again`,
    'connected again after 0.5 s; requests of that time come first',
  ])
  t.strictSame(slept, [250, 250])
})

t.test('where what was missed cannot be had, it is said why', async (t) => {
  const check = async (
    first: string,
    want: string,
    past: { readonly status: number; readonly body: object } | undefined,
  ) => {
    const server = await serving(
      t,
      (socket, count) =>
        socket.send(count === 1 ? first : frame([]), () => count === 1 && socket.terminate()),
      undefined,
      0,
      past,
    )
    const { notes } = await follow(server, ({ frames }) => frames.length === 2)
    t.strictSame(server.asked, [PAST, PAST])
    t.match(notes.at(-1), /^connected again after [0-9.]+ s; requests of that time are not shown: /)
    t.equal(notes.at(-1)?.slice(-want.length), want)
  }
  await check(frame([tapEvent()], { sampledOut: 1 }), 'more match than --max-rps lets through', undefined)
  const noLog = { status: 501, body: { code: 'NO_REPLAY', detail: 'this gateway reads no log' } }
  await check(frame([]), 'this gateway reads no log', noLog)
  const busy = { status: 429, body: { code: 'TAP_LIMIT', detail: '2 replays are under way' } }
  await check(frame([]), '2 replays are under way', busy)
})

t.test('a gateway that falls silent counts as gone', async (t) => {
  const server = await serving(t, (socket, count) => {
    if (count === 2) socket.send(frame([]))
  })
  const { notes } = await follow(server, ({ frames }) => frames.length === 1, { timeouts: { silenceMs: 50 } })
  t.match(notes[0], /\(it fell silent\); connecting again$/)
})

t.test('it gives up when no connection can be had, after waits that double', async (t) => {
  const server = await serving(t, (socket) => {
    socket.send(frame([]), () => {
      socket.terminate()
      void server[Symbol.asyncDispose]()
    })
  })
  const slept: number[] = []
  let nowMs = 0
  await t.rejects(
    follow(server, () => false, {
      retryForMs: 30_000,
      now: () => nowMs,
      sleep: async (ms) => {
        slept.push(ms)
        nowMs += ms
      },
    }),
    { code: 'GATEWAY_UNREACHABLE', message: /^cannot reach the gateway at .*: connect ECONNREFUSED/ },
  )
  t.strictSame(slept, [250, 500, 1000, 2000, 4000, 8000, 10_000])
})

t.test('a gateway that is only busy when it comes back is tried again', async (t) => {
  let busy: TapServer | undefined
  const server = await tapServer((socket) => {
    socket.send(frame([]), async () => {
      await server[Symbol.asyncDispose]()
      busy = await refusingServer(429, { code: 'TAP_LIMIT', detail: '1000 taps are open' }, server.port)
    })
  })
  let tries = 0
  const { frames } = await follow(server, ({ frames }) => frames.length === 2, {
    sleep: async () => {
      if (++tries < 5) return
      await busy![Symbol.asyncDispose]()
      const back = await tapServer((socket) => socket.send(frame([])), undefined, server.port)
      t.teardown(() => back[Symbol.asyncDispose]())
    },
  })
  t.equal(frames.length, 2)
})

t.test('the first connection must succeed, and its failure has its reason', async (t) => {
  const refusing = async (
    status: number,
    body: unknown,
    want: { message: string | RegExp; code?: string },
  ) => {
    const server = await refusingServer(status, body)
    t.teardown(() => server[Symbol.asyncDispose]())
    await t.rejects(
      follow(server, () => false),
      want,
    )
  }
  await refusing(
    400,
    { code: 'BAD_PARAMETER', detail: 'min_latency: "x" is no latency', parameter: 'min_latency' },
    { code: 'USAGE', message: '--min-latency: "x" is no latency' },
  )
  await refusing(
    429,
    { code: 'TAP_LIMIT', detail: '1000 taps are open' },
    { message: / answers 429: 1000 taps are open$/ },
  )
  await refusing(404, 'nothing here', { message: / answers 404: .*Is it the address of a gateway\?/ })
})

t.test('what is no tap, or wants none, is not tried again', async (t) => {
  const other = await serving(t, (socket) => socket.send('{"hello":1}'))
  await t.rejects(
    follow(other, () => false),
    { code: 'GATEWAY_ANSWER', message: / sends something other than a tap/ },
  )
  const strict = await serving(t, (socket) => socket.close(1008, 'not allowed'))
  await t.rejects(
    follow(strict, () => false),
    { code: 'GATEWAY_REFUSED', message: / closed the tap: not allowed$/ },
  )
  t.equal(strict.asked.length, 1)
})

t.test('stopped before it began, it does nothing', async (t) => {
  const server = await serving(t, () => t.fail('nobody should come'))
  const stop = new AbortController()
  stop.abort()
  await follow(server, () => false, { signal: stop.signal })
})

t.test('what was shown of the past is not asked for again', async (t) => {
  const server = await serving(t, (socket, count) => {
    socket.send(frame([tapEvent()], { replay: { state: 'running' } }), () => {
      if (count === 1) socket.terminate()
      else socket.send(frame([], { replay: { state: 'cut', reason: 'it has too much' } }))
    })
  })
  const { notes } = await follow(server, ({ frames }) => frames.length === 3, {
    parameters: { resource: 'all', since: '5m', last: '10' },
  })
  t.strictSame(server.asked, ['/api/v1/tap?resource=all&since=5m&last=10', '/api/v1/tap?resource=all'])
  t.ok(notes.includes('the rest of the past is not shown'))
  t.ok(notes.includes('the past is cut short: it has too much'))
})
