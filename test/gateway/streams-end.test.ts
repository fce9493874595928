import { once } from 'node:events'
import t from 'tap'
import WebSocket from 'ws'
import { Door } from '../../src/access/door.ts'
import { JwtVerifier } from '../../src/access/jwt-verifier.ts'
import { parsePolicy } from '../../src/access/policy.ts'
import type { QueryEngine } from '../../src/query/query-engine.ts'
import { jwt, NOW, SECRET } from '../access/tokens.ts'
import { listening } from '../http/listening.ts'
import { request } from '../query/events.ts'
import { engineOn } from '../query/world.ts'
import { gatewayServer } from './gateway-server.ts'

const GRANTED = parsePolicy("grants: [{subjects: ['*'], namespaces: [emojivoto], allow: [stat, tap]}]", 'p')
const WITHDRAWN = parsePolicy('grants: []', 'p')

/** A door with a policy that is in force until it is withdrawn; `looked` resolves when it is asked for after that. */
function changing() {
  let policy = GRANTED
  let look: () => void
  const looked = new Promise<void>((resolve) => (look = resolve))
  const now = () => NOW
  const door = new Door({
    jwt: new JwtVerifier({ keys: { kind: 'secret', secret: SECRET }, skewMs: 0, claim: 'meshtap', now }),
    policy: () => {
      if (policy === WITHDRAWN) look()
      return policy
    },
    now,
  })
  return { door, looked, withdraw: () => (policy = WITHDRAWN) }
}

t.test('a websocket ends with its grant, whatever letters its viewer has', async (t) => {
  for (const sub of ['alice', '\u0416'.repeat(50), '\u{1f600}'.repeat(120)]) {
    const { door, withdraw } = changing()
    const { app } = await gatewayServer(t, { door, now: () => NOW })
    const port = await listening(app)
    const headers = { authorization: `Bearer ${await jwt({ sub })}` }
    const open = async (path: string) => {
      const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, { headers })
      await once(socket, 'open')
      return socket
    }
    const stat = await open('/api/v1/stat?resource=deploy')
    const tap = await open('/api/v1/tap?resource=deploy')
    const ends = [once(stat, 'close'), once(tap, 'close')] as Promise<[number, Buffer]>[]
    withdraw()
    for (const [code, reason] of await Promise.all(ends)) {
      t.equal(code, 4403)
      t.ok(reason.toString().startsWith(sub.slice(0, 50)), reason.toString())
    }
  }
})

t.test('a grant withdrawn before the first answer is there opens no stream', async (t) => {
  const { door, looked, withdraw } = changing()
  const engine = await engineOn([request('bot', 'web')])
  const asked = Promise.withResolvers<void>()
  const slow = {
    within: (view: Parameters<QueryEngine['within']>[0]) => ({
      stat: async (question: Parameters<QueryEngine['stat']>[0]) => {
        asked.resolve()
        await looked
        await new Promise(setImmediate)
        return engine.within(view).stat(question)
      },
    }),
  } as unknown as QueryEngine
  const { app } = await gatewayServer(t, { door, engine: slow, now: () => NOW })
  const port = await listening(app)
  const answer = fetch(`http://127.0.0.1:${port}/api/v1/stat?resource=deploy&stream=true`, {
    headers: { authorization: `Bearer ${await jwt()}` },
  })
  await asked.promise
  withdraw()
  const { status } = await answer
  t.equal(status, 503)
  t.match(app.live.stats, { questions: 0, clients: 0 })
})
