import t from 'tap'
import { edgesJson, edgesTable } from '../../../src/cli/printers/edges-printer.ts'
import { routesJson, routesTable } from '../../../src/cli/printers/routes-printer.ts'
import { statJson, statTables } from '../../../src/cli/printers/stat-printer.ts'
import { edgeRow, idleRow, routeRow, statRow, workload } from '../answers.ts'
import { golden } from '../golden.ts'

const TABLE = { detail: 'table', withNamespace: false } as const
const WIDE = { detail: 'wide', withNamespace: false } as const

/** Linkerd's own goldens, once where it is known how many pods run and else where it is not. */
t.test('stat prints what Linkerd prints for the same numbers', async (t) => {
  t.equal(
    statTables([statRow({ pods: { running: 2, pending: 1, failed: 3 } })], TABLE),
    `NAME    MESHED   SUCCESS      RPS   LATENCY_P50   LATENCY_P95   LATENCY_P99   TCP_CONN
emoji      1/2   100.00%   2.0rps         123ms         123ms         123ms        123
`,
  )
  t.equal(
    statTables([statRow()], TABLE),
    `NAME    MESHED   SUCCESS      RPS   LATENCY_P50   LATENCY_P95   LATENCY_P99   TCP_CONN
emoji      1/-   100.00%   2.0rps         123ms         123ms         123ms        123
`,
  )
  t.equal(
    statTables([statRow({ namespace: 'emojivoto1' }), statRow({ namespace: 'emojivoto2' })], {
      ...TABLE,
      withNamespace: true,
    }),
    `NAMESPACE    NAME    MESHED   SUCCESS      RPS   LATENCY_P50   LATENCY_P95   LATENCY_P99   TCP_CONN
emojivoto1   emoji      1/-   100.00%   2.0rps         123ms         123ms         123ms        123
emojivoto2   emoji      1/-   100.00%   2.0rps         123ms         123ms         123ms        123
`,
  )
  // Latencies have a decimal in ours, and there are two columns more.
  t.equal(
    statTables([statRow()], WIDE),
    `NAME    MESHED   SUCCESS      RPS   LATENCY_P50   LATENCY_P95   LATENCY_P99   TCP_CONN   READ_BYTES/SEC   WRITE_BYTES/SEC   PENDING   FAILED
emoji      1/-   100.00%   2.0rps       123.0ms       123.0ms       123.0ms        123           2.0B/s            2.0B/s         -        -
`,
  )
})

t.test(
  'stat of several kinds and clusters has tables a kind, short kinds and a column for clusters',
  async (t) => {
    const rows = [
      statRow({
        kind: 'deployment',
        name: 'web',
        success: 0.98214,
        latencyMs: { p50: 0.4, p95: 2.5, p99: 1234.5 },
      }),
      statRow({ kind: 'deployment', name: 'web', cluster: 'west', success: 0 }),
      statRow({ kind: 'pod', name: 'web-7c8d-x2k', pods: { running: 0, pending: 1, failed: 0 } }),
      statRow({ kind: 'service', name: 'web-svc', meshed: null, tcpOpen: null }),
      statRow({ kind: 'namespace', name: 'emojivoto', namespace: '' }),
      statRow({ kind: 'authority', name: 'web\u001b[31m:80', namespace: '', meshed: null }),
      idleRow({
        kind: 'statefulset',
        name: 'mysql',
        tcpOpen: 7,
        readBytesPerSecond: 10,
        writeBytesPerSecond: 20,
      }),
      idleRow({ kind: 'job', name: 'vote-bot' }),
    ]
    const text = statTables(rows, { detail: 'wide', withNamespace: true })
    t.equal(text, golden('stat-several-kinds', text))
  },
)

t.test('the names of one kind have no prefix', async (t) => {
  t.notMatch(statTables([statRow(), statRow({ name: 'web' })], TABLE), /deploy\//)
})

t.test('stat as JSON has the keys of Linkerd, then those that it lacks', async (t) => {
  const text = `${JSON.stringify(statJson([statRow(), idleRow({ name: 'vote-bot', pods: { running: 2, pending: 0, failed: 1 } })]), null, 2)}\n`
  t.equal(text, golden('stat-json', text))
})

/** Linkerd's golden, without spaces at the ends of lines. */
t.test('edges prints what Linkerd prints for the same edges', async (t) => {
  const linkerd = { namespace: 'linkerd' }
  const rows = [
    edgeRow(workload('linkerd-identity', linkerd), workload('linkerd-prometheus', linkerd)),
    edgeRow(workload('web'), workload('voting')),
    edgeRow(workload('web'), workload('emoji')),
    edgeRow(workload('vote-bot'), workload('web'), {
      clientIdentities: ['default.emojivoto.serviceaccount.identity.linkerd.cluster.local'],
    }),
  ]
  t.equal(
    edgesTable(rows, 'table'),
    `SRC                DST                  SRC_NS      DST_NS      SECURED
vote-bot           web                  emojivoto   emojivoto   √
web                emoji                emojivoto   emojivoto   √
web                voting               emojivoto   emojivoto   √
linkerd-identity   linkerd-prometheus   linkerd     linkerd     √
`,
  )
  const wide = edgesTable(rows, 'wide')
  t.equal(
    wide.replaceAll(/√ .*$/gm, '√').replaceAll(/SECURED .*$/gm, 'SECURED'),
    `SRC                DST                  SRC_NS      DST_NS      CLIENT_ID                  SERVER_ID                    SECURED
vote-bot           web                  emojivoto   emojivoto   default.emojivoto          web.emojivoto                √
web                emoji                emojivoto   emojivoto   web.emojivoto              emoji.emojivoto              √
web                voting               emojivoto   emojivoto   web.emojivoto              voting.emojivoto             √
linkerd-identity   linkerd-prometheus   linkerd     linkerd     linkerd-identity.linkerd   linkerd-prometheus.linkerd   √
`,
  )
  t.equal(wide, golden('edges-wide', wide))
})

t.test('edges tell clusters, kinds and how much is secured apart', async (t) => {
  const rows = [
    edgeRow(workload('web'), workload('emoji', { cluster: 'west', kind: 'statefulset' }), { secured: 0.375 }),
    edgeRow(workload('web'), workload('voting'), { secured: 0, clientIdentities: [], serverIdentities: [] }),
    edgeRow(workload(''), workload('web'), {
      secured: null,
      clientIdentities: ['spiffe://east.example/ns/emojivoto/sa/vote-bot'],
      success: null,
      rps: null,
      latencyMs: null,
    }),
  ]
  const text = edgesTable(rows, 'wide')
  t.equal(text, golden('edges-several', text))
  const json = `${JSON.stringify(edgesJson(rows), null, 2)}\n`
  t.equal(json, golden('edges-json', json))
})

/** Linkerd's golden, in which the last line is blank. */
t.test('routes prints what Linkerd prints for the same routes', async (t) => {
  const rows = [routeRow('/a', 90), routeRow('/b', 60), routeRow('/c', 0), routeRow('[DEFAULT]', 30)]
  t.equal(
    routesTable(rows, TABLE),
    `ROUTE       SERVICE   SUCCESS      RPS   LATENCY_P50   LATENCY_P95   LATENCY_P99
/a           foobar   100.00%   1.5rps         123ms         123ms         123ms
/b           foobar   100.00%   1.0rps         123ms         123ms         123ms
/c           foobar         -        -             -             -             -
[DEFAULT]    foobar   100.00%   0.5rps         123ms         123ms         123ms
`,
  )
})

t.test('routes have their method, and in wide their counts', async (t) => {
  const rows = [
    routeRow('/users/:id', 90, { method: 'GET', failures: 3, success: 29 / 30 }),
    routeRow('/users/:id', 30, { method: 'DELETE', namespace: 'shop', service: '', cluster: 'west' }),
  ]
  const text = routesTable(rows, { detail: 'wide', withNamespace: true })
  t.equal(text, golden('routes-wide', text))
  const json = `${JSON.stringify(routesJson(rows), null, 2)}\n`
  t.equal(json, golden('routes-json', json))
})
