import { existsSync } from 'node:fs'
import { link, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** An install that took longer has died, or its process id now is another's. */
const STALE_MS = 10 * 60_000

function cacheDirectory(): string {
  return join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'meshtap')
}

async function isStale(lock: string): Promise<boolean> {
  try {
    if (Date.now() - (await stat(lock)).mtimeMs > STALE_MS) return true
    process.kill(Number(await readFile(lock, 'utf8')), 0)
    return false
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return code === 'ESRCH' || code === 'ENOENT'
  }
}

/** Takes the lock unless somebody else finishes the install first: true when it is ours. */
async function takeLock(lock: string, own: string, finished: string): Promise<boolean> {
  await writeFile(own, String(process.pid))
  try {
    while (!existsSync(finished)) {
      try {
        // A link appears together with its content: nobody reads a lock whose holder is not written yet.
        await link(own, lock)
        return true
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
        if (await isStale(lock)) await rm(lock, { force: true })
        else await sleep(100)
      }
    }
    return false
  } finally {
    await rm(own, { force: true })
  }
}

/** Of this process, by the directory that is to be there. */
const underWay = new Map<string, Promise<string>>()

/**
 * The directory `name` in the user's cache, filled by `install` if it is not there yet. All that ask at once, in this process
 * and others, wait for one of them; an install that dies half-way leaves nothing under that name.
 */
export async function installOnce(
  name: string,
  install: (directory: string) => Promise<void>,
): Promise<string> {
  const finished = join(cacheDirectory(), name)
  if (existsSync(finished)) return finished
  const installing =
    underWay.get(finished) ?? installAt(finished, install).finally(() => underWay.delete(finished))
  underWay.set(finished, installing)
  return await installing
}

async function installAt(finished: string, install: (directory: string) => Promise<void>): Promise<string> {
  await mkdir(dirname(finished), { recursive: true })
  const lock = `${finished}.lock`
  if (!(await takeLock(lock, `${lock}.${process.pid}`, finished))) return finished
  const growing = `${finished}.${process.pid}`
  try {
    if (existsSync(finished)) return finished
    await mkdir(growing, { recursive: true })
    await install(growing)
    await rename(growing, finished)
    return finished
  } finally {
    await rm(growing, { recursive: true, force: true })
    await rm(lock, { force: true })
  }
}
