import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { SpoolError } from './spool-error.ts'

/** Directories that this process holds. */
const held = new Set<string>()

/**
 * Takes a directory for this process, until what it answers is called. A process that was killed leaves its lock behind:
 * it names the process, and on Linux when that was started, so that another one with the same id does not pass for it.
 */
export async function lockDirectory(directory: string): Promise<() => Promise<void>> {
  if (held.has(directory)) throw inUse(directory, 'another reporter of this process')
  held.add(directory)
  const path = join(directory, 'lock')
  try {
    const owner = await readFile(path, 'utf8').catch(() => '')
    const pid = Number.parseInt(owner, 10)
    if (pid > 0 && pid !== process.pid && isAlive(pid) && owner === (await markOf(pid))) {
      throw inUse(directory, `process ${pid}`)
    }
    await writeFile(path, await markOf(process.pid), { mode: 0o600 })
  } catch (error) {
    held.delete(directory)
    throw error
  }
  return async () => {
    await rm(path, { force: true })
    held.delete(directory)
  }
}

function inUse(directory: string, who: string): SpoolError {
  return new SpoolError(
    'SPOOL_IN_USE',
    `cannot spool to ${directory}: ${who} does; each reporter needs a directory of its own`,
  )
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

/** Id and start of a process, where the system tells the latter: field 22 of `/proc/<pid>/stat`, after a name in parentheses. */
async function markOf(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => '')
  return `${pid} ${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''}\n`
}
