import t from 'tap'
import { loadedModules } from '../loaded-modules.ts'

t.test('a function imports no package, nor any adapter: it starts often', async (t) => {
  const { files, packages } = loadedModules(new URL('../../src/function/index.ts', import.meta.url))
  t.same([...packages], [])
  t.ok(files.size > 30)
  t.same(
    [...files].filter((file) => /\/(embedded|redis|kafka|local|http|app|config)\//.test(file)),
    [],
  )
})
