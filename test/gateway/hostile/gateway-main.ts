/**
 * A gateway in a process of its own, told by its parent what to do: `gateway-main.ts SETTINGS`. Its memory is then its own,
 * and what its clients cost does not slow it.
 */
import { once } from 'node:events'
import { createServer } from 'node:net'
import { Door } from '../../../src/access/door.ts'
import { parsePolicy } from '../../../src/access/policy.ts'
import { parseTokens } from '../../../src/access/static-tokens.ts'
import { Dictionary } from '../../../src/event/dictionary.ts'
import { EventColumns } from '../../../src/event/event-columns.ts'
import { addEvent } from '../../../src/event/event-objects.ts'
import { createGateway } from '../../../src/gateway/gateway.ts'
import { TapHub } from '../../../src/gateway/tap-hub.ts'
import { RouteTemplates } from '../../../src/rollup/route.ts'
import { LocalTapBus } from '../../../src/tap/local/local-tap-bus.ts'
import { TapPublisher } from '../../../src/tap/tap-publisher.ts'
import { listening } from '../../http/listening.ts'
import { request } from '../../query/events.ts'
import { engineOn } from '../../query/world.ts'
import type { GatewayState, GatewaySettings, ToGateway } from './gateway-process.ts'

/** A batch of events comes this often. */
const BATCH_MS = 20

const { limits, token, socketPath } = JSON.parse(process.argv[2]!) as GatewaySettings
const bus = new LocalTapBus()
const taps = new TapHub({ bus })
const publisher = await TapPublisher.open({
  bus,
  flows: { routes: new RouteTemplates(), defaultCluster: 'east' },
})
const app = await createGateway({
  engine: await engineOn([request('bot', 'web'), request('web', 'emoji')]),
  taps,
  ready: () => ({ ready: true }),
  version: '1.2.3',
  // Its clients all come from here.
  limits: { streamsPerAddress: 10_000, ...limits },
  ...(token === undefined ? {} : { door: doorOf(token) }),
})

function doorOf(token: string): Door {
  const tokens = parseTokens(`alice ${token}`, 'tokens')
  const policy = parsePolicy(
    "grants: [{subjects: ['*'], namespaces: [emojivoto], allow: [stat, tap]}]",
    'policy',
  )
  return new Door({ tokens: () => tokens, policy: () => policy, now: Date.now })
}

const columns = new EventColumns(new Dictionary())
let published = 0

/** Each is another, so that none is made once and sent twice. */
function publish(events: number, pathBytes: number): void {
  columns.clear()
  for (let i = 0; i < events; i++) {
    const path = `/${published++}/`.padEnd(pathBytes, 'x')
    addEvent(columns, request('bot', 'web', { path, timeMs: Date.now() }))
  }
  publisher.observe(columns)
}

function state(): GatewayState {
  return {
    http: app.stats,
    taps: taps.stats,
    live: app.live.stats,
    websockets: app.websockets,
    published,
  }
}

let streaming: NodeJS.Timeout | undefined
process.on('message', (message: ToGateway) => {
  switch (message.kind) {
    case 'stream': {
      const { perSecond, pathBytes } = message
      clearInterval(streaming)
      if (perSecond > 0)
        streaming = setInterval(() => publish((perSecond * BATCH_MS) / 1000, pathBytes), BATCH_MS)
      process.send!({ id: message.id, answer: null })
      return
    }
    case 'state':
      process.send!({ id: message.id, answer: state() })
      return
  }
})
if (socketPath !== undefined) {
  const local = createServer((socket) => app.server.emit('connection', socket))
  local.listen(socketPath)
  await once(local, 'listening')
}
// Whoever asked for it is gone.
process.on('disconnect', () => process.exit())
process.send!({ port: await listening(app), routes: app.guarded })
