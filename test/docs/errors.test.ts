import { globSync, readFileSync } from 'node:fs'
import t from 'tap'

const ROOT = new URL('../../', import.meta.url).pathname

/** Codes that the source can give: of unions named `…ErrorCode`, of errors with one code, and of problems. */
function codesOfSource(): Set<string> {
  const codes = new Set<string>()
  for (const file of globSync('src/**/*.ts', { cwd: ROOT })) {
    const text = readFileSync(`${ROOT}${file}`, 'utf8')
    const places = [
      ...text.matchAll(/ErrorCode =((?:[^'\n]|\n(?= )|'[A-Z_]+')*)/g),
      ...text.matchAll(/readonly code = ('[A-Z_]+')/g),
      ...text.matchAll(/new HttpProblem\(\s*\d+,\s*('[A-Z_]+')/g),
      ...text.matchAll(/\[\s*\d{3},\s*('[A-Z_]+')/g),
      ...text.matchAll(/(?:refusal|problem|refuse)\w*\(\s*\d{3},\s*('[A-Z_]+')/gi),
      ...text.matchAll(/\bcode: ('[A-Z]+(?:_[A-Z]+)*')/g),
    ]
    for (const [, found = ''] of places) {
      for (const [, code] of found.matchAll(/'([A-Z]+(?:_[A-Z]+)*)'/g)) codes.add(code!)
    }
  }
  return codes
}

t.test('docs/errors.md lists every code, each once, and no other', async (t) => {
  const listed = [...readFileSync(`${ROOT}docs/errors.md`, 'utf8').matchAll(/^\| `([A-Z_]+)` +\|/gm)].map(
    ([, code]) => code!,
  )
  t.equal(new Set(listed).size, listed.length, 'each once')
  const source = codesOfSource()
  t.ok(source.size > 30, `${source.size} codes in the source`)
  t.strictSame(
    listed.filter((code) => !source.has(code)),
    [],
    'listed but not in the source',
  )
  t.strictSame(
    [...source].filter((code) => !listed.includes(code)),
    [],
    'in the source but not listed',
  )
})
