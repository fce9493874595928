import { readFile } from 'node:fs/promises'
import type { Mapping } from '../../mapping/mapping.ts'
import { CliError } from '../cli-error.ts'

/** Throws a CliError where the file cannot be read, or says what it cannot. */
export async function readMapping(path: string): Promise<Mapping> {
  // Only who maps lines pays for the parser.
  const { parseMapping } = await import('../../mapping/parse-mapping.ts')
  try {
    return parseMapping(await readFile(path, 'utf8'), path)
  } catch (error) {
    throw new CliError('USAGE', (error as Error).message, { cause: error })
  }
}
