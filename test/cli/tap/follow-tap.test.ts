import t, { type Test } from 'tap'
import { GatewayClient } from '../../../src/cli/gateway-client.ts'
import { followTap, type FollowTapOptions, type TapTotals } from '../../../src/cli/tap/follow-tap.ts'
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
    onFrame: ({ events }, connection, totals) => {
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

t.test('a connection that breaks is made again, and what was lost is said', async (t) => {
  const server = await serving(t, (socket, count) => {
    socket.send(frame([tapEvent()], { seen: count * 10 }), () => {
      if (count === 1) socket.close(1001, 'the tap ended')
      if (count === 2) socket.terminate()
    })
  })
  const { frames, notes, totals, slept } = await follow(server, ({ frames }) => frames.length === 3)
  t.strictSame(frames, [
    [0, 1],
    [1, 1],
    [2, 1],
  ])
  t.match(totals, { seen: 60, matched: 3, sent: 3 }, 'numbers are those of all connections')
  t.strictSame(notes, [
    `lost the connection to ${server.url} (the tap ended); connecting again`,
    'connected again after 0.3 s; requests of that time are not shown',
    `lost the connection to ${server.url} (code 1006); connecting again`,
    'connected again after 0.3 s; requests of that time are not shown',
  ])
  t.strictSame(slept, [250, 250])
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
