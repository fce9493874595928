import { readFileSync } from 'node:fs'

/**
 * A configuration of `deploy/` with what a test must have otherwise (ports, paths) in the place of what it says, wherever it
 * says it. What it does not say is an error.
 */
export function deployed(
  path: string,
  replacements: readonly (readonly [string, string | number])[],
): string {
  let text = readFileSync(new URL(`../../deploy/${path}`, import.meta.url), 'utf8')
  for (const [from, to] of replacements) {
    if (!text.includes(from)) throw new Error(`deploy/${path} does not say ${from}`)
    text = text.replaceAll(from, String(to))
  }
  return text
}
