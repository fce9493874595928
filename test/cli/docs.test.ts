import { readFileSync } from 'node:fs'
import t from 'tap'
import { COMMANDS } from '../../src/cli/catalogue.ts'
import { runInProcess } from './in-process.ts'

const DOC = readFileSync(new URL('../../docs/cli.md', import.meta.url), 'utf8')

/** Commands whose options are explained elsewhere. */
const ELSEWHERE = new Map([
  ...['serve', 'proxy', 'demo'].map((name) => [name, 'serve-proxy-demo'] as const),
  ...['ingest', 'aggregator', 'gateway', 'exporter'].map(
    (name) => [name, 'ingest-aggregator-gateway-exporter'] as const,
  ),
])

t.test('the page about the command line names every command and option', async (t) => {
  for (const { name } of COMMANDS) {
    t.match(DOC, `](#${ELSEWHERE.get(name) ?? name})`)
    if (ELSEWHERE.has(name)) continue
    const { stdout } = await runInProcess([name, '--help'], { columns: 200 })
    for (const [option] of stdout.matchAll(/(?<=^ {2}(?:-\w, )?)--[a-z-]+/gm)) {
      if (option !== '--help') t.ok(DOC.includes(option), `${name} ${option}`)
    }
  }
})
