import { format } from 'prettier'
import { stringify } from 'yaml'
import { ALERT_GROUPS } from './alerts.ts'
import { RECORDING_GROUPS } from './recording-rules.ts'
import type { RuleGroup } from './rule.ts'

/** Rule files by name, as they are in `rules/`. */
export async function ruleFiles(): Promise<ReadonlyMap<string, string>> {
  return new Map([
    ['recording.yml', await ruleFile(RECORDING_GROUPS)],
    ['alerts.yml', await ruleFile(ALERT_GROUPS)],
  ])
}

async function ruleFile(groups: readonly RuleGroup[]): Promise<string> {
  const yaml = `# Made by \`npm run dashboards\` from deploy/prometheus/*.ts.\n${stringify({ groups }, { lineWidth: 110 })}`
  return format(yaml, { parser: 'yaml', singleQuote: true, printWidth: 110 })
}
