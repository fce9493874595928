import { readFileSync } from 'node:fs'
import t from 'tap'

t.test('a program that reports loads no package, nor anything of the servers', async (t) => {
  const files = new Set<string>()
  const packages = new Set<string>()
  const visit = (url: URL) => {
    if (files.has(url.href)) return
    files.add(url.href)
    const text = readFileSync(url, 'utf8')
    for (const [, specifier = ''] of text.matchAll(/^(?:import|export)(?! type)[^'"]*from '([^']+)'/gm)) {
      if (specifier.startsWith('.')) visit(new URL(specifier, url))
      else if (!specifier.startsWith('node:')) packages.add(specifier)
    }
  }
  visit(new URL('../../src/reporter/index.ts', import.meta.url))
  t.same([...packages], [])
  t.ok(files.size > 20)
  t.same(
    [...files].filter((file) => !/\/src\/(event|reporter)\//.test(file)),
    [],
  )
})
