import { existsSync, readdirSync } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { onPath, run } from './commands.ts'
import { installOnce } from './install-once.ts'
import { MissingPartError } from './missing-part.ts'

const TIMEOUT_MS = 5 * 60_000

/** Where Debian puts programs, some of them outside the PATH of who is not root. */
const PROGRAM_DIRECTORIES = ['usr/bin', 'usr/sbin', 'bin', 'sbin']

/** Packages of Debian that were unpacked without installing them: no root, no service that runs. */
export interface UnpackedPackages {
  /** What stands for `/`. */
  readonly root: string
  /** What their programs need in their environment to find the libraries that came with them. */
  readonly environment: Readonly<Record<string, string>>
}

/**
 * Fetches packages of Debian, and those that they depend on and this machine does not have, once into the user's cache, where
 * they are `name`.
 *
 * @param missing what is missing where they cannot be had, and what to do about it
 * @throws MissingPartError without apt, or where it cannot fetch them
 */
export async function debianPackages(
  name: string,
  packages: readonly string[],
  missing: string,
): Promise<UnpackedPackages> {
  const root = await installOnce(name, async (directory) => {
    const aptGet = onPath('apt-get')
    const dpkgDeb = onPath('dpkg-deb')
    if (aptGet === undefined || dpkgDeb === undefined) {
      throw new MissingPartError(`${missing}. There is no apt-get to fetch ${packages.join(', ')} with`)
    }
    try {
      await fetchPackages(aptGet, packages, join(directory, 'fetched'))
      await run(
        '/bin/sh',
        ['-c', 'for deb in "$1"/fetched/*.deb; do "$0" -x "$deb" "$1" || exit; done', dpkgDeb, directory],
        TIMEOUT_MS,
      )
      await rm(join(directory, 'fetched'), { recursive: true })
    } catch (error) {
      throw new MissingPartError(
        `${missing}. ${packages.join(', ')} cannot be fetched: ${(error as Error).message}`,
        { cause: error },
      )
    }
  })
  return { root, environment: { LD_LIBRARY_PATH: libraryDirectories(root).join(':') } }
}

/** The program of that name among what was unpacked. */
export function programOf({ root }: UnpackedPackages, name: string): string | undefined {
  return PROGRAM_DIRECTORIES.map((directory) => join(root, directory, name)).find((file) => existsSync(file))
}

async function fetchPackages(aptGet: string, packages: readonly string[], directory: string): Promise<void> {
  // Lists of its own, as the system's may be empty or old, and may be changed by root alone.
  const own = [`Dir::State::lists=${join(directory, 'lists')}`, `Dir::Cache=${join(directory, 'cache')}`]
  const options = [...own, 'APT::Sandbox::User='].flatMap((option) => ['-o', option])
  await mkdir(directory)
  try {
    await download(aptGet, [], packages, directory)
  } catch {
    await mkdir(join(directory, 'lists', 'partial'), { recursive: true })
    await run(aptGet, [...options, 'update'], TIMEOUT_MS)
    await download(aptGet, options, packages, directory)
  }
}

async function download(
  aptGet: string,
  options: readonly string[],
  packages: readonly string[],
  directory: string,
): Promise<void> {
  const simulation = [...options, '-s', '--no-install-recommends', 'install', ...packages]
  const plan = await run(aptGet, simulation, TIMEOUT_MS)
  // `Inst name (version …`; what is installed in an older version (`Inst name [version] (…`), as the C library, does.
  const wanted = [...plan.matchAll(/^Inst (\S+) \(/gm)].map(([, name]) => name!)
  const names = [...new Set([...packages, ...wanted])]
  await run(
    '/bin/sh',
    ['-c', 'cd "$0" && exec "$@"', directory, aptGet, ...options, 'download', ...names],
    TIMEOUT_MS,
  )
}

/** Such as `usr/lib/x86_64-linux-gnu`. */
function libraryDirectories(root: string): string[] {
  return ['usr/lib', 'lib'].flatMap((directory) => {
    const path = join(root, directory)
    if (!existsSync(path)) return []
    return readdirSync(path)
      .filter((name) => name.includes('-linux-gnu'))
      .map((name) => join(path, name))
  })
}
