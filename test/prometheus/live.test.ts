import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { parse, stringify } from 'yaml'
import { RECORDED } from '../../deploy/prometheus/recording-rules.ts'
import { DASHBOARDS } from '../../grafana/dashboards.ts'
import { FAMILIES } from '../../src/exporter/families.ts'
import { freePort } from '../../stack/free-port.ts'
import { prometheusInstallation } from '../../stack/prometheus-binary.ts'
import { startPrometheus } from '../../stack/prometheus.ts'
import { ServeProcess } from '../e2e/serve-process.ts'
import { queriesOf, substituted } from '../grafana/queries.ts'
import { projectFile } from '../stack/compose-file.ts'
import { CLASSIC_ONLY, EMPTY, NATIVE_ONLY } from './empty-panels.ts'
import { MeshTraffic } from './mesh-traffic.ts'
import { PrometheusApi, type Result } from './prometheus-api.ts'

t.setTimeout(180_000)

const ROOT = new URL('../../', import.meta.url).pathname
/** Of rates: some scrapes, a second apart. */
const WINDOW = '10s'
/** What promtool ends with where it advises against names, and all can be read. */
const LINTS_EXIT_CODE = 3
/** Their names are Linkerd's, and so is the unit. */
const LINKERD_LINTS = [FAMILIES.latency.name, FAMILIES.routeLatency.name].map(
  (name) => `${name} metric names should not contain abbreviated units`,
)

/** deploy/prometheus/serve.yml as it is, but for the address, the place of rules, and a second for all intervals. */
function configuration(target: string, isNative: boolean): string {
  const config = parse(projectFile('deploy/prometheus/serve.yml')) as {
    global: Record<string, string>
    rule_files: string[]
    scrape_configs: Record<string, unknown>[]
  }
  config.global = { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' }
  config.rule_files = config.rule_files.map((file) => `${ROOT}deploy/prometheus/${file}`)
  for (const job of config.scrape_configs) {
    job['static_configs'] = [{ targets: [target] }]
    if (isNative) job['scrape_native_histograms'] = true
  }
  return stringify(config)
}

async function prometheus(
  t: Test,
  directory: string,
  target: string,
  { isNative }: { isNative: boolean },
): Promise<PrometheusApi> {
  const { major } = await prometheusInstallation()
  const features = ['exemplar-storage', ...(isNative && major < 3 ? ['native-histograms'] : [])]
  const server = await startPrometheus({
    directory,
    config: configuration(target, isNative && major >= 3),
    flags: [`--enable-feature=${features.join(',')}`],
  })
  t.teardown(() => server.kill())
  return new PrometheusApi(server.url)
}

t.test('real Prometheus scrapes a running meshtap', async (t) => {
  const directory = t.testdir()
  const ports = [
    '--listen',
    `127.0.0.1:${await freePort()}`,
    '--ingest-listen',
    `127.0.0.1:${await freePort()}`,
  ]
  const start = () => ServeProcess.start(`${directory}/data`, ...ports, '--demo')
  let serve = await start()
  t.teardown(() => serve.kill('SIGKILL'))
  const target = new URL(serve.gatewayUrl).host
  const [classic, native] = await Promise.all([
    prometheus(t, `${directory}/classic`, target, { isNative: false }),
    prometheus(t, `${directory}/native`, target, { isNative: true }),
  ])
  const traffic = new MeshTraffic(serve.ingestUrl)
  t.teardown(() => traffic.stop())
  const startMs = Date.now()
  traffic.start()
  // Queries and a body that is refused, so that these are counted too.
  const asking = setInterval(() => void serve.ask('stat', { resource: 'deployment' }).catch(() => {}), 500)
  t.teardown(() => clearInterval(asking))
  await fetch(`${serve.ingestUrl}/v1/events`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{',
  })
  /** When rules have recorded what came, of all scrapes in a window. */
  const settled = [
    `${RECORDED.betweenClusters}{dst_cluster="west"} > 0`,
    `count_over_time(${FAMILIES.routeRequests.name}{namespace="bank"}[${WINDOW}]) >= 5`,
  ]
  for (const api of [classic, native]) {
    for (const query of settled) await api.until(query, (results) => results.length > 0)
  }

  await t.test('every query of every dashboard has a result, and no NaN', async (t) => {
    await checkDashboards(t, classic, NATIVE_ONLY)
  })

  await t.test('they do with native histograms too, which are read from protobuf', async (t) => {
    await checkDashboards(t, native, CLASSIC_ONLY)
    const [latency] = await native.query(`sum(${FAMILIES.latency.name}{namespace="shop"})`)
    t.equal(latency?.isHistogram, true)
    t.strictSame(await native.query(`${FAMILIES.latency.name}_bucket`), [], 'instead of classic buckets')
  })

  await t.test('figures are those of the traffic', async (t) => {
    const rows = [
      ['meshtap-namespace', 'Over TLS', { namespace: 'bank' }, 1],
      ['meshtap-namespace', 'Success rate', { namespace: 'bank' }, 0.9],
      ['meshtap-workload', 'Over TLS', { namespace: 'shop', workload: 'statefulset/cart' }, 16 / 18],
      ['meshtap-workload', 'Success rate', { namespace: 'shop', workload: 'statefulset/cart' }, 0.9],
      ['meshtap-service', 'Success rate', { namespace: 'bank', service: 'pay-svc' }, 0.9],
    ] as const
    for (const [uid, title, values, wanted] of rows) {
      const board = DASHBOARDS.find((board) => board.uid === uid)!
      const { expr = '' } = queriesOf(board).find(({ panel }) => panel === title) ?? {}
      for (const api of [classic, native]) {
        const found = await api.value(substituted(expr, WINDOW, values))
        t.ok(Math.abs(found - wanted) < 0.05, `${uid} / ${title}: ${found}, not ${wanted}`)
      }
    }
  })

  await t.test('variables of dashboards offer values', async (t) => {
    for (const board of DASHBOARDS) {
      for (const { name, definition } of board.templating.list ?? []) {
        if (definition === undefined) continue
        const [, series = '', label = ''] = /^label_values\((.*), (\w+)\)$/.exec(definition) ?? []
        const values = await classic.labelValues(label, substituted(series, WINDOW))
        t.ok(values.length > 0, `${board.uid}: ${name} has ${values.length}`)
      }
    }
  })

  await t.test('every rule is evaluated, and each that records has a result', async (t) => {
    for (const [api, without] of [
      [classic, undefined],
      [native, RECORDED.latencyBuckets],
    ] as const) {
      const rules = await api.rules()
      t.ok(rules.length > 15)
      for (const { name, type, health, lastError } of rules) {
        t.equal(health, 'ok', `${name}: ${lastError ?? 'ok'}`)
        if (type === 'recording' && name !== without) t.ok((await api.query(name)).length > 0, name)
      }
    }
  })

  await t.test('exemplars are kept', async (t) => {
    const found = await classic.exemplars(`${FAMILIES.latency.name}_bucket{namespace="shop"}`, {
      fromMs: startMs,
      toMs: Date.now(),
    })
    t.ok(found.length > 0)
  })

  await t.test('promtool finds nothing wrong but names that are Linkerd’s', async (t) => {
    const { promtool } = await prometheusInstallation()
    const checking = promisify(execFile)(promtool, ['check', 'metrics'])
    checking.child.stdin?.end(await (await fetch(`${serve.gatewayUrl}/metrics`)).text())
    const { code, stderr } = (await checking.catch((error: unknown) => error)) as {
      code?: number
      stderr: string
    }
    t.strictSame(stderr.trim().split('\n').sort(), LINKERD_LINTS.toSorted())
    t.equal(code, LINTS_EXIT_CODE, 'all of it can be read')
  })

  await t.test('counters go on where they were after kill -9', async () => {
    const before = await classic.value(`sum(${FAMILIES.requests.name})`)
    await serve.kill('SIGKILL')
    await classic.until('up == 0', (results) => results.length > 0)
    serve = await start()
    await classic.until('up == 1', (results) => results.length > 0)
    await classic.until(`sum(${FAMILIES.requests.name}) > ${before}`, (results) => results.length > 0)
  })

  await traffic.stop()

  await t.test('counts and rates are those of stat', async (t) => {
    const kinds = [...traffic.received].map(([key, received]) => [key.split('/'), received] as const)
    for (const [[namespace = '', kind = '', name = ''], { requests, failures, latenciesMs }] of kinds) {
      const labels = `{direction="inbound", namespace="${namespace}", workload="${kind}/${name}"}`
      await classic.until(
        `sum(${FAMILIES.requests.name}${labels}) == ${requests}`,
        (results) => results.length > 0,
      )
      t.equal(
        await classic.value(
          `sum(${FAMILIES.responses.name}${labels.replace('}', ', classification="failure"}')})`,
        ),
        failures,
        `failures of ${name} are those that were sent`,
      )
      const { rows, window } = await serve.ask('stat', {
        resource: `${kind}/${name}`,
        namespace,
        window: '1h',
      })
      const [row] = rows
      t.match(row, { requests, failures }, `stat of ${name} counts them too`)
      t.ok(Math.abs(row!.rps! * window.seconds - requests) < requests / 100, 'and its rate is their number')
      latenciesMs.sort((a, b) => a - b)
      for (const [quantile, told] of [
        [0.5, row!.latencyMs!.p50],
        [0.95, row!.latencyMs!.p95],
        [0.99, row!.latencyMs!.p99],
      ] as const) {
        const exact = latenciesMs[Math.ceil(quantile * latenciesMs.length) - 1]!
        const query = `histogram_quantile(${quantile}, sum(${FAMILIES.latency.name}${labels}))`
        const [result] = await native.until(query, (results) => results.length > 0)
        // Both are within 1.1 %; so is the one from the other, twice.
        t.ok(Math.abs(told / exact - 1) < 0.0109, `stat's p${quantile * 100} of ${name}: ${told}, ${exact}`)
        t.ok(
          Math.abs(result!.values[0]! / exact - 1) < 0.022,
          `Prometheus' p${quantile * 100} of ${name}: ${result!.values[0]}, ${exact}`,
        )
      }
    }
  })

  await t.test('no counter of the mesh ever went down', async (t) => {
    const names = Object.values(FAMILIES)
      .filter(({ type }) => type !== 'gauge')
      .flatMap(({ name, type }) =>
        type === 'counter' ? [name] : [`${name}_bucket`, `${name}_count`, `${name}_sum`],
      )
    for (const name of names) {
      const series = await classic.value(`count(count_over_time(${name}[10m]))`)
      t.ok(series > 0, `${name} has ${series} series`)
      t.equal(await classic.value(`sum(resets(${name}[10m]))`), 0, name)
    }
    t.equal(await native.value(`sum(resets(${FAMILIES.latency.name}[10m]))`), 0, 'native histograms')
  })
})

/** Asks what panels ask, over the last seconds where they ask for a range. */
async function checkDashboards(t: Test, api: PrometheusApi, others: RegExp): Promise<void> {
  const toMs = Date.now()
  const seen = new Set<string>()
  for (const board of DASHBOARDS) {
    for (const { panel, legend, expr, isInstant } of queriesOf(board)) {
      const query = substituted(expr, WINDOW)
      const results = isInstant
        ? await api.query(query)
        : await api.queryRange(query, { fromMs: toMs - 10_000, toMs, stepMs: 1000 })
      const name = `${board.uid} / ${panel} / ${legend}`
      seen.add(name)
      const isEmpty = results.every(({ values }) => values.length === 0)
      const reason = EMPTY[name] ?? (others.test(panel) ? 'histograms of the other kind' : undefined)
      if (reason === undefined) t.notOk(isEmpty, `${name} has a result: ${query}`)
      else t.ok(isEmpty, `${name} has none: ${reason}`)
      t.notOk(hasNaN(results), `${name} has no NaN`)
    }
  }
  for (const name of Object.keys(EMPTY)) t.ok(seen.has(name), `there is ${name}`)
}

function hasNaN(results: readonly Result[]): boolean {
  return results.some(({ values }) => values.some((value) => Number.isNaN(value)))
}
