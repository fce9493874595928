import t from 'tap'
import { fuzzedRequests } from './fuzzed-requests.ts'
import { GatewayProcess } from './gateway-process.ts'
import { askRaw, atOnce } from './raw-http.ts'

// On a machine that is busy with others.
t.setTimeout(300_000)

const REQUESTS = 1000
const TOKEN = 'a-token-for-the-fuzzer'

const ANSWERS = new Set([101, 200, 201, 308, 400, 401, 403, 404, 405, 413, 414, 415, 429, 431, 501])

const limits = { requestsPerMinute: 1_000_000, guessesPerMinute: 1_000_000 }

for (const [what, settings, authorizations] of [
  ['anyone', { limits }, []],
  [
    'those with a token',
    { limits, token: TOKEN },
    [
      `Bearer ${TOKEN}`,
      `Bearer ${TOKEN}`,
      `bearer  ${TOKEN}`,
      'Bearer x',
      'Basic YTpi',
      `Bearer ${TOKEN}\u00ff`,
      '',
    ],
  ],
] as const) {
  t.test(`whatever ${what} ask for, the answer is one, and says what is wrong`, async (t) => {
    const gateway = await GatewayProcess.start(t, settings)
    const paths = [...new Set(gateway.routes.map(({ url }) => url)), '/nothing']
    const requests = fuzzedRequests({ seed: 1, count: REQUESTS, paths, authorizations })
    const statuses: Record<number, number> = {}
    await atOnce(requests, 16, async ({ bytes, method, path }) => {
      const { status, headers, body } = await askRaw(gateway.port, bytes, { isHead: method === 'HEAD' })
      statuses[status] = (statuses[status] ?? 0) + 1
      const where = `${status} ${method} ${path.slice(0, 300)}`
      if (!ANSWERS.has(status))
        t.fail(where, { headers, body, request: bytes.toString('latin1').slice(0, 2000) })
      if (status < 400 || method === 'HEAD') return
      if (!/^content-type: application\/problem\+json/im.test(headers))
        t.fail(`no problem: ${where}`, { headers })
      const problem = JSON.parse(Buffer.from(body, 'latin1').toString()) as { status: number; code: string }
      if (problem.status !== status || !/^[A-Z_]+$/.test(problem.code)) t.fail(where, problem)
    })
    t.comment(JSON.stringify(statuses))
    for (const status of [101, 200, 400, 404, 405, 414, 431])
      t.ok(statuses[status]! > 0, `some are ${status}`)
    const { taps, live } = await gateway.until(({ taps, live }) => taps.sessions + live.clients === 0)
    t.match({ taps: taps.taps, questions: live.questions }, { taps: 0, questions: 0 }, 'nothing is left open')
    t.ok(gateway.peakMiB < 400, `${gateway.peakMiB} MiB at most`)
    t.equal(
      (await askRaw(gateway.port, 'GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'))
        .status,
      200,
    )
  })
}
