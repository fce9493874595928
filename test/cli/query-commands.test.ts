import t, { type Test } from 'tap'
import type { AnswerBase, StatusCount } from '../../src/query/answer.ts'
import {
  BASE,
  edgeRow,
  idleRow,
  NOT_IN_WINDOW,
  reasonRow,
  routeRow,
  statRow,
  topRow,
  UNKNOWN_RESOURCE,
  workload,
} from './answers.ts'
import { type CannedServer, cannedServer, type Received } from './canned-server.ts'
import { golden } from './golden.ts'
import { runInProcess } from './in-process.ts'
import { runCli } from './run-cli.ts'

const DATE = { date: 'Tue, 24 Nov 2026 10:01:05 GMT' }

function serving(t: Test, answer: (request: Received) => object): Promise<CannedServer> {
  return served(t, (request) => ({ headers: DATE, body: answer(request) }))
}

async function served(t: Test, answer: Parameters<typeof cannedServer>[0]): Promise<CannedServer> {
  const gateway = await cannedServer(answer)
  t.teardown(() => gateway[Symbol.asyncDispose]())
  return gateway
}

t.test('stat prints a table, and asks for what was typed', async (t) => {
  const gateway = await serving(t, () => ({ ...BASE, rows: [statRow()], latencyError: 0.011 }))
  const args = [
    'stat',
    'deploy/emoji',
    '-n',
    'emojivoto',
    '-t',
    '10m',
    '--to',
    'svc/web-svc',
    '--to-namespace',
    'shop',
  ]
  const { code, stdout, stderr } = await runCli([...args, '--cluster', 'east', '--gateway', gateway.url])
  t.equal(stderr, '')
  t.equal(
    stdout,
    `NAME    MESHED   SUCCESS      RPS   LATENCY_P50   LATENCY_P95   LATENCY_P99   TCP_CONN
emoji      1/-   100.00%   2.0rps         123ms         123ms         123ms        123
`,
  )
  t.equal(code, 0)
  t.strictSame(
    gateway.received.map(({ path, parameters }) => ({ path, parameters })),
    [
      {
        path: '/api/v1/stat',
        parameters: {
          resource: 'deployment/emoji',
          namespace: 'emojivoto',
          cluster: 'east',
          to: 'service/web-svc',
          to_namespace: 'shop',
          window: '10m',
        },
      },
    ],
  )
})

t.test('stat of several resources asks for each, and prints one table a kind', async (t) => {
  const gateway = await serving(t, ({ parameters }) => {
    const [kind, name] = parameters['resource']!.split('/') as ['deployment' | 'pod', string]
    const rows = name === 'nope' ? [] : [statRow({ kind, name })]
    return { ...BASE, rows, latencyError: 0.011, ...(rows.length === 0 ? { empty: UNKNOWN_RESOURCE } : {}) }
  })
  const { code, stdout, stderr } = await runCli(
    ['stat', 'po/web-1', 'deploy/web', 'deploy/nope', 'deploy/emoji', '-n', 'emojivoto'],
    { environment: { MESHTAP_GATEWAY: gateway.url } },
  )
  t.equal(
    stdout,
    `NAME           MESHED   SUCCESS      RPS   LATENCY_P50   LATENCY_P95   LATENCY_P99   TCP_CONN
deploy/web        1/-   100.00%   2.0rps         123ms         123ms         123ms        123
deploy/emoji      1/-   100.00%   2.0rps         123ms         123ms         123ms        123

NAME           MESHED   SUCCESS      RPS   LATENCY_P50   LATENCY_P95   LATENCY_P99   TCP_CONN
po/web-1          1/-   100.00%   2.0rps         123ms         123ms         123ms        123
`,
  )
  t.equal(stderr, `${UNKNOWN_RESOURCE.message}\n`)
  t.equal(code, 0)
  t.equal(gateway.received.length, 4)
})

t.test('stat by reason asks for it, and prints the reasons of each resource', async (t) => {
  const answered = status(200, 14)
  const rows = [
    reasonRow(),
    reasonRow({
      reason: 'refused\u001b[31m',
      statuses: [status(null, 2), answered, status(503), status(502)],
    }),
    reasonRow({ reason: '', failures: 0, requests: 97, share: 97 / 123, rps: 97 / 60, statuses: [] }),
    reasonRow({ name: 'emoji', reason: '__overflow__', statuses: [status(null), answered] }),
  ]
  const gateway = await serving(t, () => ({ ...BASE, by: 'reason', rows }))
  for (const [format, name] of [
    ['table', 'stat-reasons'],
    ['wide', 'stat-reasons-wide'],
    ['json', 'stat-reasons-json'],
  ] as const) {
    const args = ['stat', 'deploy', '-n', 'emojivoto', '--by', 'reason', '-o', format]
    const { code, stdout, stderr } = await runInProcess([...args, '--gateway', gateway.url])
    t.strictSame({ code, stderr }, { code: 0, stderr: '' })
    t.equal(stdout, golden(name, stdout))
  }
  t.match(gateway.received[0], {
    path: '/api/v1/stat',
    parameters: { resource: 'deployment', namespace: 'emojivoto', by: 'reason' },
  })
})

function status(status: number | null, grpcStatus: number | null = null): StatusCount {
  return { status, grpcStatus, requests: 3, failures: 3 }
}

t.test('an empty answer says why, and what there is', async (t) => {
  const gateway = await serving(t, ({ path }) => ({
    ...BASE,
    rows: [],
    by: 'path',
    total: 0,
    empty: path === '/api/v1/routes' ? UNKNOWN_RESOURCE : NOT_IN_WINDOW,
  }))
  const check = async (command: string, stdout: string, stderr: string, more: readonly string[] = []) => {
    const result = await runInProcess([command, 'deploy/web', '--gateway', gateway.url, ...more])
    t.strictSame(result, { code: 0, stdout, stderr }, command)
  }
  const why = `${NOT_IN_WINDOW.message}\nSeen were: deployment/emoji.\n`
  await check('stat', '', `No traffic found.\n${why}`)
  await check('stat', '[]\n', `No traffic found.\n${why}`, ['-o', 'json'])
  await check('edges', '', `No edges found.\n${why}`)
  await check('top', '', `No traffic found.\n${why}`)
  await check('routes', '', `No traffic found.\n${UNKNOWN_RESOURCE.message}\n`)
  await check('routes', '{\n  "deploy/web": []\n}\n', `No traffic found.\n${UNKNOWN_RESOURCE.message}\n`, [
    '-o',
    'json',
  ])
})

t.test('an answer that is old or incomplete comes with a warning', async (t) => {
  const answer = async (base: Partial<AnswerBase>) => {
    const gateway = await serving(t, () => ({ ...BASE, ...base, rows: [statRow()] }))
    return runInProcess(['stat', 'deploy', '-o', 'json', '--gateway', gateway.url])
  }
  const old = await answer({ watermark: '2026-11-24T10:00:20.000Z' })
  t.equal(
    old.stderr,
    'warning: nothing after 2026-11-24T10:00:20.000Z is counted yet, 45 s ago: proxies went quiet, or meshtap is behind\n',
  )
  t.equal(old.code, 0)
  t.equal((await answer({ watermark: '2026-11-24T10:00:50.000Z' })).stderr, '')
  t.equal((await answer({ watermark: null })).stderr, '')
  const partial = await answer({ partial: [{ source: 'west', reason: 'it does not answer' }] })
  t.equal(partial.stderr, 'warning: incomplete, without all of west: it does not answer\n')
})

t.test('edges and routes print theirs', async (t) => {
  const gateway = await serving(t, ({ path, parameters }) =>
    path === '/api/v1/edges'
      ? { ...BASE, rows: [edgeRow(workload('vote-bot'), workload('web'), { secured: 0 })] }
      : { ...BASE, rows: [routeRow(`/of/${parameters['resource']!}`, 90, { method: 'GET' })] },
  )
  const edges = await runInProcess(['edges', '-n', 'emojivoto', '--gateway', gateway.url])
  t.equal(
    edges.stdout,
    `SRC        DST   SRC_NS      DST_NS      SECURED
vote-bot   web   emojivoto   emojivoto   no
`,
  )
  t.strictSame(gateway.received[0]!.parameters, { namespace: 'emojivoto' })
  const pair = await runInProcess([
    'edges',
    'deploy/web',
    'deploy/vote-bot',
    '-o',
    'json',
    '--gateway',
    gateway.url,
  ])
  t.equal((JSON.parse(pair.stdout) as unknown[]).length, 1, 'an edge in two answers is one edge')
  const routes = await runInProcess(['routes', 'deploy/web', '-n', 'emojivoto', '--gateway', gateway.url])
  t.equal(
    routes.stdout,
    `ROUTE                    SERVICE   SUCCESS      RPS   LATENCY_P50   LATENCY_P95   LATENCY_P99
GET /of/deployment/web    foobar   100.00%   1.5rps         123ms         123ms         123ms

`,
  )
  const several = await runInProcess(['routes', 'deploy', 'web', 'emoji', '--gateway', gateway.url])
  t.match(several.stdout, /^==> deploy\/web <==\nROUTE .*\n\n==> deploy\/emoji <==\nROUTE /s)
})

t.test('top is printed once where there is no terminal', async (t) => {
  const rows = [
    topRow('vote-bot', '/api/list', 325, { error: 12 }),
    topRow('web', '/api/vote', 60, { success: 0.5 }),
  ]
  const gateway = await serving(t, () => ({ ...BASE, rows, by: 'path', total: 385 }))
  const top = await runInProcess([
    'top',
    'deploy/web',
    '-n',
    'emojivoto',
    '--limit',
    '5',
    '--gateway',
    gateway.url,
  ])
  t.equal(
    top.stdout,
    `Source     Destination   Method   Path         Count    Best   Worst   Last   Success Rate      RPS
vote-bot   web           GET      /api/list   325±12   413µs    17ms    2ms        100.00%   5.4rps
web        web           GET      /api/vote       60   413µs    17ms    2ms         50.00%   1.0rps
`,
  )
  t.strictSame(gateway.received[0]!.parameters, {
    resource: 'deployment/web',
    namespace: 'emojivoto',
    by: 'path',
    limit: '5',
  })
  const json = await runInProcess([
    'top',
    'deploy/web',
    '-o',
    'json',
    '--hide-sources',
    '--gateway',
    gateway.url,
  ])
  t.strictSame(
    (JSON.parse(json.stdout) as { count: number }[]).map(({ count }) => count),
    [325, 60],
  )
})

t.test('a parameter that the gateway cannot take is a usage error, under the name of its flag', async (t) => {
  const problem = (parameter: string, message: string) => ({
    status: 400,
    code: 'BAD_PARAMETER',
    detail: `${parameter}: ${message}`,
    parameter,
  })
  const check = async (parameter: string, want: string) => {
    const gateway = await served(t, () => ({ status: 400, body: problem(parameter, '"x" is not taken') }))
    const { code, stdout, stderr } = await runInProcess(['stat', 'deploy', '--gateway', gateway.url])
    t.strictSame({ code, stdout, stderr }, { code: 2, stdout: '', stderr: `error: ${want}\n` })
  }
  await check('window', '--time-window: "x" is not taken')
  await check('to_namespace', '--to-namespace: "x" is not taken')
  await check('resource', '"x" is not taken')
})

t.test('a gateway that fails, or is none, is said to, with its address', async (t) => {
  const check = async (answer: Parameters<typeof cannedServer>[0], want: RegExp) => {
    const gateway = await served(t, answer)
    const { code, stdout, stderr } = await runInProcess([
      'stat',
      'deploy',
      '--gateway',
      `${gateway.url}/base/`,
    ])
    t.match(stderr, want)
    t.ok(stderr.includes(`${gateway.url}/base`), 'without the slash')
    t.strictSame({ code, stdout }, { code: 1, stdout: '' })
  }
  const busy = { status: 429, body: { code: 'OVERLOADED', detail: '128 queries are being answered' } }
  await check(() => busy, /^error: http:.* answers 429: 128 queries are being answered\n$/)
  await check(
    () => ({ status: 404, body: '<!DOCTYPE html>\n<title>Not Found</title>\n' }),
    /^error: http:.* answers 404\. Is it the address of a gateway\? See --gateway\n$/,
  )
  await check(
    () => ({ status: 502, body: 'no\n  upstream\n' }),
    / answers 502: no upstream\. Is it the address of a gateway\?/,
  )
  await check(
    () => ({ status: 404, body: 'no such page' }),
    / answers 404: no such page\. Is it the address of a gateway\?/,
  )
  await check(() => ({ body: '<html>' }), / answers with something other than meshtap's JSON/)
  await check(() => ({ status: 302, headers: { location: '/x' } }), / answers 302/)
  await check(() => ({ cut: true }), /^error: cannot reach the gateway at .*: other side closed/)
})

t.test('a gateway that is not there is said to be, and what to do', async (t) => {
  const gateway = await cannedServer(() => ({}))
  await gateway[Symbol.asyncDispose]()
  const { code, stderr } = await runCli(['stat', 'deploy', '--gateway', gateway.url])
  t.equal(
    stderr,
    `error: cannot reach the gateway at ${gateway.url}: connect ECONNREFUSED ${new URL(gateway.url).host}. ` +
      'Is "meshtap serve" running there? Another address is given with --gateway or MESHTAP_GATEWAY\n',
  )
  t.equal(code, 1)
})

t.test('what can only be a mistake is told without asking the gateway', async (t) => {
  const check = async (args: readonly string[], want: string | RegExp) => {
    const { code, stdout, stderr } = await runInProcess(args)
    t.match(stderr, want, args.join(' '))
    t.strictSame({ code, stdout }, { code: 2, stdout: '' })
  }
  await check(['stat'], /^error: No resource arguments provided: /)
  await check(
    ['stat', 'deploy', '--to', 'po/x', '--from', 'po/y'],
    'error: --to and --from flags are mutually exclusive\n',
  )
  await check(
    ['stat', 'deploy', '--gateway', 'localhost'],
    /^error: --gateway is "localhost": must be a URL such as /,
  )
  await check(
    ['stat', 'deploy', '--by', 'status'],
    /error: option '--by <what>' argument 'status' is invalid. Allowed choices are resource, reason./,
  )
  await check(
    ['stat', 'deploy', '-o', 'yaml'],
    /error: option '-o, --output <format>' argument 'yaml' is invalid/,
  )
  await check(
    ['stat', 'deploy', '--windows', '1m'],
    /error: unknown option '--windows'\n\(see meshtap stat --help\)/,
  )
  await check(
    ['stat', 'deploy', '--tokne=hunter2'],
    "error: unknown option '--tokne=…'\n(see meshtap stat --help)\n",
  )
  await check(['stat', 'deploy', '--token', 'hunter 2'], /^error: --token is "\*{8}": must be a token: /)
  await check(
    ['stat', 'deploy', '--token', 'hunter2', '--token-file', 'package.json'],
    'error: --token and --token-file are both given: give one of them\n',
  )
  await check(
    ['top', 'deploy', '--limit', '0'],
    /argument '0' is invalid. It must be a whole number from 1 to 1000/,
  )
  await check(
    ['top', 'deploy/web', 'deploy/emoji'],
    'error: top has one resource: give TYPE/NAME, or TYPE for all of it\n',
  )
  await check(['tap', 'po/a', 'po/b'], /^error: a tap has one resource/)
  await check(['stta'], "error: unknown command 'stta'\n(Did you mean stat?)")
})

t.test('a table of nothing but idle resources is a table', async (t) => {
  const gateway = await serving(t, () => ({ ...BASE, rows: [idleRow({ tcpOpen: 3 })] }))
  const { stdout } = await runInProcess(['stat', 'deploy', '--gateway', gateway.url])
  t.equal(
    stdout,
    `NAMESPACE   NAME    MESHED   SUCCESS   RPS   LATENCY_P50   LATENCY_P95   LATENCY_P99   TCP_CONN
emojivoto   emoji      1/-         -     -             -             -             -          3
`,
  )
})

t.test('an upstream that is no URL was typed wrong', async (t) => {
  const { code, stdout, stderr } = await runInProcess([
    'proxy',
    '--workload',
    'deploy/web',
    '-n',
    'shop',
    '--listen',
    '127.0.0.1:0',
    '--upstream',
    'web',
  ])
  t.match(stderr, /^error: the upstream is "web": it must be a URL such as http:\/\/127\.0\.0\.1:3000/)
  t.strictSame({ code, stdout }, { code: 2, stdout: '' })
})

t.test('a token that others can read on the way is warned of, once', async (t) => {
  const gateway = ['--gateway', 'http://meshtap.invalid', '--token', 'hunter2']
  const asked = await runInProcess(['stat', 'deploy', 'po', ...gateway])
  const [warning, ...rest] = asked.stderr.split('\n')
  t.equal(
    warning,
    'warning: http://meshtap.invalid is no https: whoever is on the way can read the token, and use it',
  )
  t.match(
    rest.join('\n'),
    /^error: cannot reach the gateway at http:\/\/meshtap\.invalid: (?!.*(warning|hunter2))/s,
  )
  const pushed = await runInProcess(
    ['push', '-', '--retry-for', '0s', '--ingest', 'http://meshtap.invalid', '--ingest-token', 'hunter2'],
    { stdin: '{}' },
  )
  t.match(pushed.stderr, /^warning: http:\/\/meshtap\.invalid is no https: /)
})
