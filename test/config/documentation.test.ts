import { readFileSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { ALL_SETTINGS } from '../../src/config/roles.ts'
import { parseSettings } from '../../src/config/settings-file.ts'
import { settingsTables } from './settings-tables.ts'

const PAGE = new URL('../../docs/configuration.md', import.meta.url)
const TABLES = /(?<=<!-- settings -->\n\n)[^]*(?=\n<!-- end of settings -->)/

t.test('the page about settings lists them all as they are', async (t) => {
  const tables = settingsTables()
  if (process.env['UPDATE_GOLDEN'] !== undefined) {
    writeFileSync(
      PAGE,
      readFileSync(PAGE, 'utf8').replace(TABLES, () => tables),
    )
  }
  t.equal(TABLES.exec(readFileSync(PAGE, 'utf8'))?.[0], tables)
})

t.test('its files are files of settings', async (t) => {
  const page = readFileSync(PAGE, 'utf8')
  const files = [...page.matchAll(/```yaml\n([^]*?)```/g)].map(([, yaml]) => yaml!)
  t.ok(files.length > 0)
  for (const yaml of files) {
    const { faults, values } = await parseSettings(yaml, 'm.yaml', ALL_SETTINGS)
    t.strictSame(faults, [])
    for (const [name, { text }] of values) {
      const setting = ALL_SETTINGS.get(name)
      // A file that it names is not here.
      if (setting !== undefined && setting.placeholder !== '<file>') {
        t.doesNotThrow(() => void setting.parse(text), name)
      }
    }
  }
})
