import { execFile } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'

const MAX_OUTPUT_BYTES = 1024 * 1024

/** The path of the first of `names` that PATH has, names first. */
export function onPath(...names: string[]): string | undefined {
  const directories = (process.env['PATH'] ?? '').split(delimiter).filter((directory) => directory !== '')
  return names
    .flatMap((name) => directories.map((directory) => join(directory, name)))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK)
        return true
      } catch {
        return false
      }
    })
}

/** Runs a command to its end; answers what it printed. An exit code other than 0 is an error that shows the output. */
export async function run(command: string, args: string[], timeoutMs: number): Promise<string> {
  try {
    const { stdout, stderr } = await promisify(execFile)(command, args, {
      timeout: timeoutMs,
      maxBuffer: MAX_OUTPUT_BYTES,
    })
    return stdout + stderr
  } catch (error) {
    const { stdout, stderr, message } = error as { stdout?: string; stderr?: string; message: string }
    const output = `${stdout ?? ''}${stderr ?? ''}`.trim().split('\n').slice(-20).join('\n')
    throw new Error(`cannot run ${command}: ${output || message}`, { cause: error })
  }
}
