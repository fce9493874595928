import { once } from 'node:events'
import { connect } from 'node:net'
import t from 'tap'
import WebSocket from 'ws'
import type { StatAnswer } from '../../src/query/answer.ts'
import { type AnswerAlive, LiveAnswer, type LiveMessage } from '../../src/query/live-answer.ts'
import { listening } from '../http/listening.ts'
import { gatewayServer } from './gateway-server.ts'

const STAT = '/api/v1/stat?resource=deploy'

async function linesOf(response: Response, count: number): Promise<LiveMessage<StatAnswer>[]> {
  const found: LiveMessage<StatAnswer>[] = []
  let rest = ''
  for await (const text of response.body!.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split('\n')
    rest = lines.pop()!
    for (const line of lines) found.push(JSON.parse(line) as LiveMessage<StatAnswer>)
    if (found.length >= count) break
  }
  return found
}

t.test('stat and top are a websocket where they are asked for as one', async (t) => {
  const { app } = await gatewayServer(t)
  const port = await listening(app)
  for (const path of [STAT, `${STAT}&by=reason`, '/api/v1/top?resource=deploy']) {
    const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`)
    const state = new LiveAnswer<AnswerAlive>()
    for (let count = 0; count < 2; count++) {
      const [data] = (await once(socket, 'message')) as [Buffer]
      t.ok(state.take(JSON.parse(data.toString()) as LiveMessage<AnswerAlive>), path)
    }
    const once_ = (await (await fetch(`http://127.0.0.1:${port}${path}`)).json()) as StatAnswer
    t.strictSame(state.answer?.rows, once_.rows)
    socket.send('hello')
    const [code, reason] = (await once(socket, 'close')) as [number, Buffer]
    t.equal(code, 1008)
    t.match(String(reason), /takes no messages/)
  }
  while (app.live.stats.questions > 0) await new Promise(setImmediate)
  t.match(app.live.stats, { questions: 0, clients: 0 })
})

t.test('they are lines of JSON where those are accepted or asked for', async (t) => {
  // A stream stays for longer than an answer may take.
  const { app } = await gatewayServer(t, { limits: { handlerTimeoutMs: 500 } })
  const port = await listening(app)
  for (const [path, accept] of [
    [STAT, 'application/x-ndjson'],
    [`${STAT}&stream=true`, '*/*'],
  ] as const) {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { accept } })
    t.equal(response.headers.get('content-type'), 'application/x-ndjson; charset=utf-8')
    const messages = await linesOf(response, 3)
    t.strictSame(
      messages.map(({ kind }) => kind),
      ['whole', 'change', 'change'],
    )
    t.strictSame(
      messages.map(({ sequence }) => sequence),
      [1, 2, 3],
    )
  }
  const plain = await app.inject(STAT)
  t.match(plain.headers['content-type'], /^application\/json/)
})

t.test('HEAD answers as a stream would begin, and opens none', async (t) => {
  const { app, taps } = await gatewayServer(t)
  for (const [path, accept, status, type] of [
    [`${STAT}&stream=true`, '*/*', 200, /^application\/x-ndjson/],
    [STAT, 'application/x-ndjson', 200, /^application\/x-ndjson/],
    [STAT, '*/*', 200, /^application\/json/],
    ['/api/v1/top?resource=deploy&stream=true', '*/*', 200, /^application\/x-ndjson/],
    ['/api/v1/stat?resource=nonsense&stream=true', '*/*', 400, /^application\/problem\+json/],
    ['/api/v1/tap', '*/*', 200, /^application\/x-ndjson/],
    ['/api/v1/tap?status=nonsense', '*/*', 400, /^application\/problem\+json/],
  ] as const) {
    const answer = await app.inject({ method: 'HEAD', url: path, headers: { accept } })
    t.equal(answer.statusCode, status, path)
    t.match(answer.headers['content-type'], type, path)
    t.equal(answer.body, '')
  }
  t.match(app.live.stats, { questions: 0, clients: 0, answers: 0 })
  t.match(taps.stats, { sessions: 0, taps: 0 })
})

t.test('what is wrong is said before anything is upgraded', async (t) => {
  const { app } = await gatewayServer(t, { limits: { liveQuestions: 1 } })
  const port = await listening(app)
  const refused = async (path: string): Promise<unknown> => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`)
    socket.on('error', () => {})
    const [, response] = (await once(socket, 'unexpected-response')) as [unknown, AsyncIterable<Buffer>]
    let body = ''
    for await (const chunk of response) body += String(chunk)
    socket.terminate()
    return JSON.parse(body)
  }
  t.match(await refused('/api/v1/stat?resource=nonsense'), { status: 400, code: 'BAD_PARAMETER' })
  t.match(await refused('/api/v1/edges'), { rows: [] }, 'edges are no websocket')
  const socket = new WebSocket(`ws://127.0.0.1:${port}${STAT}`)
  await once(socket, 'message')
  t.match(await refused(`${STAT}&window=5m`), { status: 429, code: 'LIVE_LIMIT' })
  socket.terminate()
})

t.test('a client that never reads holds up nobody, and takes no memory', async (t) => {
  const { app } = await gatewayServer(t)
  const port = await listening(app)
  const deaf = connect(port, '127.0.0.1')
  deaf.write(`GET ${STAT}&stream=true HTTP/1.1\r\nhost: localhost\r\n\r\n`)
  deaf.pause()
  const response = await fetch(`http://127.0.0.1:${port}${STAT}&stream=true`)
  t.equal((await linesOf(response, 3)).length, 3)
  t.match(app.live.stats, { questions: 1 })
  deaf.destroy()
})

t.test('closing the server ends the streams', async (t) => {
  const { app } = await gatewayServer(t)
  const port = await listening(app)
  const socket = new WebSocket(`ws://127.0.0.1:${port}${STAT}`)
  await once(socket, 'message')
  const closed = once(socket, 'close') as Promise<[number]>
  await app.close()
  t.equal((await closed)[0], 1001)
})
