import { format } from 'prettier'
import { stringify } from 'yaml'
import { ALERT_GROUPS } from '../deploy/prometheus/alerts.ts'
import type { AlertingRule } from '../deploy/prometheus/rule.ts'

/** As provisioning/datasources names it. */
const DATASOURCE_UID = 'prometheus'
/** What queries that look back say for themselves in PromQL, so this is no more than a lookback. */
const RANGE = { from: 600, to: 0 }

/**
 * The alerts of deploy/prometheus/rules as alerts of Grafana's own, which notifies where Prometheus has no Alertmanager.
 * They need the recording rules in Prometheus.
 */
export async function alertingFile(): Promise<string> {
  const groups = ALERT_GROUPS.map(({ name, rules }) => ({
    orgId: 1,
    name,
    folder: 'meshtap',
    interval: '1m',
    rules: rules.filter((rule): rule is AlertingRule => 'alert' in rule).map(provisioned),
  }))
  const yaml = `# Made by \`npm run dashboards\` from deploy/prometheus/alerts.ts.\n${stringify({ apiVersion: 1, groups }, { lineWidth: 110, aliasDuplicateObjects: false })}`
  return format(yaml, { parser: 'yaml', singleQuote: true, printWidth: 110 })
}

function provisioned({ alert, expr, for: hold, labels, annotations }: AlertingRule): object {
  return {
    uid: `meshtap-${alert.replace(/^Mesh(tap)?/, '').toLowerCase()}`,
    title: alert,
    condition: 'B',
    data: [
      {
        refId: 'A',
        relativeTimeRange: RANGE,
        datasourceUid: DATASOURCE_UID,
        model: { refId: 'A', expr, instant: true, range: false },
      },
      {
        // The query answers what is wrong, so each series of it is an alert, whatever its value: none is negative.
        refId: 'B',
        datasourceUid: '__expr__',
        model: {
          refId: 'B',
          type: 'threshold',
          expression: 'A',
          conditions: [{ evaluator: { type: 'gt', params: [-1] } }],
        },
      },
    ],
    noDataState: 'OK',
    execErrState: 'Error',
    for: hold,
    labels,
    annotations: Object.fromEntries(
      Object.entries(annotations).map(([name, text]) => [name, templated(text)]),
    ),
  }
}

/** A text with Prometheus' templates as one with Grafana's, which takes a lone `$` of its files for a variable. */
function templated(text: string): string {
  return text.replaceAll('$value', '$values.A.Value').replaceAll('$', '$$$$')
}
