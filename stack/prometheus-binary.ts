import { mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { onPath, run } from './commands.ts'
import { installOnce } from './install-once.ts'
import { MissingPartError } from './missing-part.ts'

/** As its number times 100: the first that reads native histograms and has all that configurations and rules use. */
const OLDEST = 240
const INSTALL_TIMEOUT_MS = 5 * 60_000

export interface PrometheusInstallation {
  /** The server. */
  readonly prometheus: string
  /** What checks configurations, rules and expositions. */
  readonly promtool: string
  /** The first number of its version. */
  readonly major: number
}

async function versionOf(prometheus: string): Promise<readonly [major: number, minor: number]> {
  const [, major, minor] = /version (\d+)\.(\d+)/.exec(await run(prometheus, ['--version'], 10_000)) ?? []
  // A build by hand (go install) does not know its version. Those are of late.
  return major === undefined ? [3, 0] : [Number(major), Number(minor)]
}

async function prometheusOnPath(): Promise<PrometheusInstallation | undefined> {
  const prometheus = onPath('prometheus')
  const promtool = onPath('promtool')
  if (prometheus === undefined || promtool === undefined) return undefined
  const [major, minor] = await versionOf(prometheus)
  return major * 100 + minor < OLDEST ? undefined : { prometheus, promtool, major }
}

function missing(reason: string, cause?: unknown): MissingPartError {
  return new MissingPartError(
    'Prometheus is missing: prometheus and promtool 2.40 or later are not on the PATH. Install them (Debian: apt install ' +
      `prometheus; elsewhere: the archive of prometheus.io). ${reason}`,
    { cause },
  )
}

/** Debian's package, unpacked without installing it: no root, no service that runs. */
async function unpack(directory: string): Promise<void> {
  const aptGet = onPath('apt-get')
  const dpkgDeb = onPath('dpkg-deb')
  if (aptGet === undefined || dpkgDeb === undefined) {
    throw missing('There is no apt-get to fetch the package with')
  }
  const lists = join(directory, 'lists')
  const unpacked = join(directory, 'unpacked')
  // Lists of its own, as the system's may be empty, and may be changed by root alone.
  const own = [`Dir::State::lists=${lists}`, `Dir::Cache=${join(directory, 'cache')}`, 'APT::Sandbox::User=']
  const options = own.flatMap((option) => ['-o', option])
  const download = `cd "$0" && exec "$@" download prometheus`
  try {
    try {
      await run('/bin/sh', ['-c', download, directory, aptGet], INSTALL_TIMEOUT_MS)
    } catch {
      await mkdir(join(lists, 'partial'), { recursive: true })
      await run(aptGet, [...options, 'update'], INSTALL_TIMEOUT_MS)
      await run('/bin/sh', ['-c', download, directory, aptGet, ...options], INSTALL_TIMEOUT_MS)
    }
    await run(
      '/bin/sh',
      ['-c', 'exec "$0" -x "$1"/prometheus_*.deb "$2"', dpkgDeb, directory, unpacked],
      INSTALL_TIMEOUT_MS,
    )
    for (const name of ['prometheus', 'promtool']) {
      await rename(join(unpacked, 'usr/bin', name), join(directory, name))
    }
    await run('/bin/sh', ['-c', 'rm "$0"/prometheus_*.deb', directory], 10_000)
    for (const rest of [lists, unpacked, join(directory, 'cache')]) {
      await rm(rest, { recursive: true, force: true })
    }
  } catch (error) {
    throw missing(`The package cannot be fetched: ${(error as Error).message}`, error)
  }
}

/**
 * Those of the PATH, or else out of Debian's package, which is fetched once into the user's cache.
 *
 * @throws MissingPartError where they are not there and cannot be fetched
 */
export async function prometheusInstallation(): Promise<PrometheusInstallation> {
  const found = await prometheusOnPath()
  if (found !== undefined) return found
  const directory = await installOnce('prometheus-deb', unpack)
  const prometheus = join(directory, 'prometheus')
  const [major] = await versionOf(prometheus)
  return { prometheus, promtool: join(directory, 'promtool'), major }
}
