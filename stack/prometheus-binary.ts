import { onPath, run } from './commands.ts'
import { debianPackages, programOf } from './debian-packages.ts'

/** As its number times 100: the first that reads native histograms and has all that configurations and rules use. */
const OLDEST = 240

const MISSING =
  'Prometheus is missing: prometheus and promtool 2.40 or later are not on the PATH. Install them (Debian: apt install ' +
  'prometheus; elsewhere: the archive of prometheus.io)'

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

/**
 * Those of the PATH, or else out of Debian's package, which is fetched once into the user's cache.
 *
 * @throws MissingPartError where they are not there and cannot be fetched
 */
export async function prometheusInstallation(): Promise<PrometheusInstallation> {
  const found = await prometheusOnPath()
  if (found !== undefined) return found
  const unpacked = await debianPackages('debian-prometheus', ['prometheus'], MISSING)
  const prometheus = programOf(unpacked, 'prometheus')!
  const [major] = await versionOf(prometheus)
  return { prometheus, promtool: programOf(unpacked, 'promtool')!, major }
}
