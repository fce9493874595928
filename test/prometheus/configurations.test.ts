import { readdirSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import t from 'tap'
import { parse } from 'yaml'
import { run } from '../../stack/commands.ts'
import { prometheusInstallation } from '../../stack/prometheus-binary.ts'
import { failureRatio, RECORDED } from '../../deploy/prometheus/recording-rules.ts'

const FOLDER = new URL('../../deploy/prometheus/', import.meta.url)
const names = readdirSync(FOLDER).filter((name) => name.endsWith('.yml'))

interface Configuration {
  readonly rule_files?: readonly string[]
  readonly scrape_configs: readonly {
    readonly job_name: string
    readonly honor_labels?: boolean
    readonly params?: Readonly<Record<string, readonly string[]>>
    readonly static_configs: readonly { readonly targets: readonly string[] }[]
  }[]
  readonly remote_write?: readonly {
    readonly write_relabel_configs: readonly { readonly regex: string }[]
  }[]
}

async function configuration(name: string): Promise<Configuration> {
  return parse(await readFile(new URL(name, FOLDER), 'utf8')) as Configuration
}

t.test('Prometheus takes each configuration, with the rules that it names', async (t) => {
  const { promtool } = await prometheusInstallation()
  t.ok(names.length >= 5)
  for (const name of names) {
    const printed = await run(promtool, ['check', 'config', new URL(name, FOLDER).pathname], 30_000)
    t.match(printed, /SUCCESS: \S+ is valid/, name)
    const { rule_files: rules = [] } = await configuration(name)
    if (rules.length > 0) t.match(printed, /SUCCESS: \d+ rules found/, `${name} has rules`)
  }
})

t.test('what tells of the mesh keeps its labels, and is scraped once', async (t) => {
  for (const name of names) {
    const { scrape_configs: jobs } = await configuration(name)
    const seen = new Set<string>()
    for (const { job_name: job, honor_labels: isHonored, params, static_configs: targets } of jobs) {
      for (const target of targets.flatMap(({ targets }) => targets)) {
        const scrape = `${target}?${JSON.stringify(params ?? {})}`
        t.notOk(seen.has(scrape), `${name}: ${scrape}`)
        seen.add(scrape)
        if (/:(9464|9090)$/.test(target) || name === 'serve.yml') t.ok(isHonored, `${name}: ${job}`)
      }
    }
  }
})

t.test('what is handed on is what rules record', async (t) => {
  const { scrape_configs: jobs } = await configuration('federation.yml')
  const federated = jobs[0]?.params?.['match[]']?.map((text) => /=~"(.*)"/.exec(text)?.[1] ?? text) ?? []
  const { remote_write: writes } = await configuration('remote-write.yml')
  const written = writes?.[0]?.write_relabel_configs.map(({ regex }) => regex) ?? []
  for (const name of [...Object.values(RECORDED), failureRatio('1h'), 'meshtap_build_info']) {
    for (const patterns of [federated, written]) {
      t.ok(
        patterns.some((pattern) => new RegExp(`^(${pattern})$`).test(name)),
        `${name} is in ${patterns.join(', ')}`,
      )
    }
  }
})
