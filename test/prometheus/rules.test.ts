import { readFile } from 'node:fs/promises'
import t from 'tap'
import { parse } from 'yaml'
import { ALERT_GROUPS } from '../../deploy/prometheus/alerts.ts'
import { ruleFiles } from '../../deploy/prometheus/rule-files.ts'
import { run } from '../../stack/commands.ts'
import { prometheusInstallation } from '../../stack/prometheus-binary.ts'

const UNIT_TESTS = new URL('rules.test.yml', import.meta.url)
const RULES = new URL('../../deploy/prometheus/rules/', import.meta.url)

t.test('rule files are what `npm run dashboards` makes', async (t) => {
  for (const [name, text] of await ruleFiles()) {
    t.equal(await readFile(new URL(name, RULES), 'utf8'), text, `${name}: run npm run dashboards`)
  }
})

t.test('rules record and alert as they should', async (t) => {
  const { promtool } = await prometheusInstallation()
  t.match(await run(promtool, ['test', 'rules', UNIT_TESTS.pathname], 30_000), 'SUCCESS')
})

t.test('every alert is tested to come, with its texts', async (t) => {
  const { tests } = parse(await readFile(UNIT_TESTS, 'utf8')) as {
    tests: { alert_rule_test?: { alertname: string; exp_alerts: unknown[] }[] }[]
  }
  const come = new Set(
    tests
      .flatMap(({ alert_rule_test: alerts = [] }) => alerts)
      .filter(({ exp_alerts: alerts }) => alerts.length > 0)
      .map(({ alertname }) => alertname),
  )
  const alerts = ALERT_GROUPS.flatMap(({ rules }) => rules).flatMap((rule) =>
    'alert' in rule ? [rule.alert] : [],
  )
  t.strictSame([...come].sort(), alerts.toSorted())
  const page = await readFile(new URL('../../docs/grafana.md', import.meta.url), 'utf8')
  const described = Array.from(page.matchAll(/^\| `(Mesh\w+)` /gm), ([, alert]) => alert!)
  t.strictSame(described.toSorted(), alerts.toSorted(), 'and described')
})
