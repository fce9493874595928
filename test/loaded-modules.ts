import { readFileSync } from 'node:fs'

/** What a module of src/ loads, types left out: files of the project by their URLs, and packages. */
export function loadedModules(entry: URL): {
  readonly files: ReadonlySet<string>
  readonly packages: ReadonlySet<string>
} {
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
  visit(entry)
  return { files, packages }
}
