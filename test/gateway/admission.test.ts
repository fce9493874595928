import { once } from 'node:events'
import t, { type Test } from 'tap'
import WebSocket from 'ws'
import { doorOf, jwt, NOW } from '../access/tokens.ts'
import { listening } from '../http/listening.ts'
import { gatewayServer } from './gateway-server.ts'

const ALL = { meshtap: [{ namespaces: ['*'], allow: ['stat', 'tap', 'paths', 'headers'] }] }

t.test('more requests a minute than are allowed are answered with 429, until there is room', async (t) => {
  let nowMs = NOW
  const { app } = await gatewayServer(t, {
    door: doorOf(),
    now: () => nowMs,
    limits: { requestsPerMinute: 30 },
  })
  const ask = async (sub: string) =>
    app.inject({
      url: '/api/v1/resources',
      headers: { authorization: `Bearer ${await jwt({ ...ALL, sub })}` },
    })
  for (let i = 0; i < 30; i++) t.equal((await ask('alice')).statusCode, 200)
  const refused = await ask('alice')
  t.match(refused.json(), { status: 429, code: 'RATE_LIMIT', detail: /more than 30 requests a minute/ })
  t.equal(refused.headers['retry-after'], '2')
  t.equal((await ask('bob')).statusCode, 200, 'another is not held up')
  nowMs += 2000
  t.equal((await ask('alice')).statusCode, 200)
  t.equal((await ask('alice')).statusCode, 429)
})

/** What a page in a browser does: a token for a ticket, and a websocket with that. */
async function browser(t: Test) {
  const clock = { nowMs: NOW }
  const { app } = await gatewayServer(t, {
    door: doorOf({ now: () => clock.nowMs }),
    now: () => clock.nowMs,
    allowedHosts: ['mesh.example.com'],
  })
  const port = await listening(app)
  const origin = 'https://mesh.example.com'
  const ticket = async (from = origin) => {
    const response = await fetch(`http://127.0.0.1:${port}/api/v1/tickets`, {
      method: 'POST',
      headers: { authorization: `Bearer ${await jwt(ALL)}`, origin: from },
    })
    return { status: response.status, ...((await response.json()) as { ticket: string; code?: string }) }
  }
  /** 101, or the problem that the handshake is answered with. */
  const open = async (query: string, from = origin, protocols: string[] = []) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/api/v1/tap${query}`, protocols, { origin: from })
    socket.on('error', () => {})
    const refusal = once(socket, 'unexpected-response') as Promise<[unknown, AsyncIterable<Buffer>]>
    const outcome = await Promise.race([once(socket, 'open').then(() => undefined), refusal])
    let body = ''
    if (outcome !== undefined) for await (const chunk of outcome[1]) body += chunk.toString()
    const { protocol } = socket
    socket.terminate()
    return outcome === undefined ? { status: 101, protocol } : (JSON.parse(body) as Record<string, unknown>)
  }
  return { clock, ticket, open }
}

t.test('a browser opens one websocket with a ticket, from a page that is allowed', async (t) => {
  const { clock, ticket, open } = await browser(t)
  const first = await ticket()
  t.equal(first.status, 201)
  t.match(await open(''), { status: 401, code: 'TOKEN_MISSING' })
  t.match(await open(`?ticket=${first.ticket}`, 'https://evil.example'), {
    status: 403,
    code: 'ORIGIN_NOT_ALLOWED',
  })
  t.match(await open(`?ticket=${first.ticket}`), { status: 101 }, 'a page that is refused uses no ticket up')
  t.match(await open(`?ticket=${first.ticket}`), { status: 401, detail: /used already/ })

  const second = await ticket()
  const protocols = ['meshtap', `meshtap.ticket.${second.ticket}`]
  t.match(await open('', undefined, protocols), { status: 101, protocol: 'meshtap' })
  t.match(await open('', undefined, protocols), { status: 401, detail: /used already/ })

  const third = await ticket()
  clock.nowMs += 30_000
  t.match(await open(`?ticket=${third.ticket}`), { status: 401, code: 'TOKEN_EXPIRED' })
  t.match(await ticket('https://evil.example'), { status: 403, code: 'ORIGIN_NOT_ALLOWED' })
})
