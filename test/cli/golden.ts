import { readFileSync, writeFileSync } from 'node:fs'

const FOLDER = new URL('../fixtures/cli/', import.meta.url)

/** The stored text of that name. With UPDATE_GOLDEN set, `text` becomes it. */
export function golden(name: string, text: string): string {
  const file = new URL(`${name}.golden`, FOLDER)
  if (process.env['UPDATE_GOLDEN'] !== undefined) writeFileSync(file, text)
  return readFileSync(file, 'utf8')
}
