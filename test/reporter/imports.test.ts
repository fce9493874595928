import t from 'tap'
import { loadedModules } from '../loaded-modules.ts'

t.test('a program that reports loads no package, nor anything of the servers', async (t) => {
  const { files, packages } = loadedModules(new URL('../../src/reporter/index.ts', import.meta.url))
  t.same([...packages], [])
  t.ok(files.size > 20)
  t.same(
    [...files].filter((file) => !/\/src\/(event|reporter)\//.test(file)),
    [],
  )
})
