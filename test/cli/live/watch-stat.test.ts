import t, { type Test } from 'tap'
import type { WebSocket } from 'ws'
import type { StatAnswer } from '../../../src/query/answer.ts'
import { BASE, reasonRow, statRow } from '../answers.ts'
import { golden } from '../golden.ts'
import { startCli } from '../run-cli.ts'
import { tapServer } from '../tap/tap-server.ts'

const rest = { ...BASE, watermark: new Date(4102444800000).toISOString(), latencyError: 0.01 }
const rowsOf = (requests: Readonly<Record<string, number>>) =>
  Object.entries(requests).map(([name, requests]) => statRow({ name, requests, rps: requests }))
const whole = (sequence: number, requests: Readonly<Record<string, number>>) =>
  JSON.stringify({
    sequence,
    kind: 'whole',
    answer: { ...rest, rows: rowsOf(requests) } satisfies StatAnswer,
  })
const change = (
  sequence: number,
  requests: Readonly<Record<string, number>>,
  removed: readonly string[] = [],
) =>
  JSON.stringify({
    sequence,
    kind: 'change',
    answer: rest,
    changed: rowsOf(requests),
    removed: removed.map((name) => ['deployment', statRow().cluster, statRow().namespace, name]),
  })

async function watching(t: Test, onStream: (socket: WebSocket, count: number) => void, ...flags: string[]) {
  const server = await tapServer(onStream)
  t.teardown(() => server[Symbol.asyncDispose]())
  return startCli(['stat', 'deploy', '-n', 'emojivoto', '--watch', ...flags, '--gateway', server.url])
}

t.test('each table that differs is printed once, whatever a connection says again', async (t) => {
  const running = await watching(t, (socket, count) => {
    if (count === 1) {
      socket.send(whole(3, { emoji: 4, web: 1 }))
      socket.send(change(4, {}))
      socket.send(change(5, { web: 2 }), () => socket.close(1001, 'the server is closing'))
    } else {
      socket.send(whole(9, { emoji: 4, web: 2 }))
      socket.send(change(10, { voting: 7 }, ['emoji']))
    }
  })
  await running.until(/voting/)
  running.child.kill('SIGINT')
  const { code, stdout, stderr } = await running.result
  t.equal(code, 0)
  t.equal(stdout, golden('stat-watch', stdout))
  t.equal(stdout.match(/NAME/g)?.length, 3, 'three tables, none twice')
  t.match(stderr, /^lost the connection to .* \(the server is closing\); connecting again$/m)
})

t.test('where a message is missing the stream is begun again', async (t) => {
  const running = await watching(
    t,
    (socket, count) => {
      socket.send(whole(1, { web: count }))
      if (count === 1) socket.send(change(3, { web: 50 }))
    },
    '-o',
    'json',
  )
  await running.until(/"requests":2/)
  running.child.kill('SIGINT')
  const { stdout, stderr } = await running.result
  const requests = stdout
    .trim()
    .split(/\n+/)
    .map((line) => (JSON.parse(line) as { requests: number }[])[0]?.requests)
  t.strictSame(requests, [1, 2])
  t.match(stderr, /a message is missing/)
})

t.test('a failure of the gateway is said, once, and what was shown stays', async (t) => {
  const failure = (sequence: number) =>
    JSON.stringify({
      sequence,
      kind: 'failure',
      problem: { code: 'STORE_UNAVAILABLE', detail: 'it is away' },
    })
  const running = await watching(
    t,
    (socket) => {
      socket.send(whole(1, { web: 1 }))
      socket.send(failure(2))
      socket.send(failure(3))
      socket.send(change(4, { web: 2 }))
    },
    '-o',
    'json',
  )
  await running.until(/"requests":2/)
  running.child.kill('SIGINT')
  t.equal((await running.result).stderr, 'it is away\n')
})

t.test('by reason, each reason is kept up to date for itself, in the order of an answer', async (t) => {
  const rows = [
    reasonRow(),
    reasonRow({ reason: 'reset', failures: 5, requests: 5 }),
    reasonRow({ reason: '', failures: 0 }),
  ]
  const { latencyError: _, ...answer } = { ...rest, by: 'reason' as const }
  const running = await watching(
    t,
    (socket) => {
      socket.send(JSON.stringify({ sequence: 1, kind: 'whole', answer: { ...answer, rows } }))
      socket.send(
        JSON.stringify({
          sequence: 2,
          kind: 'change',
          answer,
          changed: [reasonRow({ reason: 'reset', failures: 50, requests: 50 })],
          removed: [['deployment', 'east', 'emojivoto', 'web', '']],
        }),
      )
    },
    '--by=reason',
    '--output=json',
  )
  await running.until(/"requests":50/)
  running.child.kill('SIGINT')
  const { stdout } = await running.result
  const lines = stdout.trim().split(/\n+/)
  t.strictSame(
    lines.map((line) =>
      (JSON.parse(line) as { reason: string; failures: number }[]).map(({ reason, failures }) => [
        reason,
        failures,
      ]),
    ),
    [
      [
        ['timeout', 13],
        ['reset', 5],
        ['', 0],
      ],
      [
        ['reset', 50],
        ['timeout', 13],
      ],
    ],
  )
})
