/** `npm run dashboards`: writes the dashboards, the rules that they need, and Grafana's alerts. */
import { mkdir, writeFile } from 'node:fs/promises'
import { ruleFiles } from '../deploy/prometheus/rule-files.ts'
import { alertingFile } from './alerting.ts'
import { dashboardFiles } from './dashboard-files.ts'

const ROOT = new URL('../', import.meta.url)

async function write(folder: string, files: ReadonlyMap<string, string>): Promise<void> {
  await mkdir(new URL(folder, ROOT), { recursive: true })
  for (const [name, text] of files) {
    await writeFile(new URL(`${folder}/${name}`, ROOT), text)
    process.stdout.write(`${folder}/${name}\n`)
  }
}

await write('grafana/dashboards', dashboardFiles())
await write('deploy/prometheus/rules', await ruleFiles())
await write('grafana/provisioning/alerting', new Map([['alerts.yml', await alertingFile()]]))
