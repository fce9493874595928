import {
  duration,
  hostPort,
  list,
  resolveSettings,
  type Setting,
  type Settings,
  size,
  wholeNumber,
} from './setting.ts'

const MIB = 2 ** 20
const GIB = 2 ** 30

function setting<T>(
  name: string,
  fallback: string,
  parse: (text: string) => T,
  description: string,
): Setting<T> {
  return { name, fallback, parse, description }
}

const OUTCOME = /^(http|grpc):(\d{1,3})=(success|failure)$/

/** What a `--classify` rule says of one status. */
export interface ClassificationOverride {
  readonly protocol: 'http' | 'grpc'
  readonly status: number
  readonly classification: 'success' | 'failure'
}

function classificationOverrides(text: string): readonly ClassificationOverride[] {
  return list(text).map((part) => {
    const [, protocol, status, classification] = OUTCOME.exec(part) ?? []
    if (protocol === undefined) {
      throw new RangeError('must be rules such as http:429=failure or grpc:5=failure, separated by commas')
    }
    return { protocol, status: Number(status), classification } as ClassificationOverride
  })
}

function clusterName(text: string): string {
  if (/^[\p{L}\p{N}._-]{1,253}$/u.test(text)) return text
  throw new RangeError('must be a name of 1 to 253 letters, digits, dots, dashes or underscores')
}

function directory(text: string): string {
  if (text !== '') return text
  throw new RangeError('must name a directory')
}

function hostNames(text: string): readonly string[] {
  const names = list(text)
  if (names.every((name) => /^(\*|\.?[a-z0-9_-][a-z0-9._-]*)$/i.test(name))) return names
  throw new RangeError('must be names without port, such as mesh.example.com or .svc.cluster.local, or *')
}

/** What `meshtap serve` can be told. */
export const SERVE_SETTINGS = {
  listen: setting('listen', '127.0.0.1:8084', hostPort, 'address of the HTTP API and websockets'),
  ingestListen: setting('ingest-listen', '127.0.0.1:4318', hostPort, 'address that events are posted to'),
  allowedHosts: setting(
    'allowed-hosts',
    '',
    hostNames,
    'names that both may be reached by, besides localhost and IP addresses, separated by commas: ' +
      'mesh.example.com,.svc.cluster.local',
  ),
  data: setting('data', 'meshtap-data', directory, 'directory of the log and the rollups'),
  cluster: setting('cluster', 'default', clusterName, 'cluster of events that name none'),
  partitions: setting(
    'partitions',
    '4',
    wholeNumber({ min: 1, max: 64 }),
    'partitions of the log, fixed when the data directory is made',
  ),
  logMaxBytes: setting(
    'log-max-bytes',
    '1GiB',
    size({ min: 16 * MIB, max: 1024 * GIB }),
    'the log keeps at most this much; the oldest records go first',
  ),
  logMaxAge: setting(
    'log-max-age',
    '24h',
    duration({ min: 60_000, max: 90 * 86_400_000 }),
    'the log keeps records at most this long',
  ),
  flush: setting(
    'flush',
    '1s',
    duration({ min: 50, max: 10_000 }),
    'time between the commits of a partition: how old a number can be',
  ),
  routes: setting(
    'routes',
    '',
    list,
    'route patterns that outrank derived ones, separated by commas: /users/:name,/static/*',
  ),
  classify: setting(
    'classify',
    '',
    classificationOverrides,
    'statuses that count other than by default: http:429=failure,grpc:5=failure',
  ),
  seriesPerNamespace: setting(
    'series-per-namespace',
    '10000',
    wholeNumber({ min: 10, max: 1_000_000 }),
    'series kept apart in a bucket of one namespace; what exceeds them counts in __overflow__',
  ),
  seriesOverall: setting(
    'series-overall',
    '100000',
    wholeNumber({ min: 10, max: 10_000_000 }),
    'series kept apart in a bucket of one partition',
  ),
  topCapacity: setting(
    'top-capacity',
    '128',
    wholeNumber({ min: 8, max: 10_000 }),
    'calls that top keeps apart for each destination; beyond them counts have an error, which is shown',
  ),
} as const

export type ServeSettings = Settings<typeof SERVE_SETTINGS>

/** Flags by setting name, over the environment, over the defaults. Throws a SettingError. */
export function serveSettings(
  flags: Readonly<Record<string, string | undefined>>,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): ServeSettings {
  return resolveSettings(SERVE_SETTINGS, flags, environment)
}
