import { once } from 'node:events'
import t from 'tap'
import WebSocket from 'ws'
import { Door } from '../../src/access/door.ts'
import { JwtVerifier } from '../../src/access/jwt-verifier.ts'
import { parsePolicy } from '../../src/access/policy.ts'
import { jwt, NOW, SECRET } from '../access/tokens.ts'
import { listening } from '../http/listening.ts'
import { gatewayServer } from './gateway-server.ts'

const GRANTED = parsePolicy("grants: [{subjects: ['*'], namespaces: [emojivoto], allow: [stat, tap]}]", 'p')
const WITHDRAWN = parsePolicy('grants: []', 'p')

/** A door with a policy that is in force until it is withdrawn. */
function changing() {
  let policy = GRANTED
  const now = () => NOW
  const door = new Door({
    jwt: new JwtVerifier({ keys: { kind: 'secret', secret: SECRET }, skewMs: 0, claim: 'meshtap', now }),
    policy: () => policy,
    now,
  })
  return { door, withdraw: () => (policy = WITHDRAWN) }
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
