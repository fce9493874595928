import { settingsOf } from './setting.ts'
import { hostPort, hostPortOrOff, list, wholeNumber } from './value-types.ts'

const { setting } = settingsOf('http')

function hostNames(text: string): readonly string[] {
  const names = list(text)
  if (names.every((name) => /^(\*|\.?[a-z0-9_-][a-z0-9._-]*)$/i.test(name))) return names
  throw new RangeError('must be names without port, such as mesh.example.com or .svc.cluster.local, or *')
}

export const ALLOWED_HOSTS = setting(
  'allowed-hosts',
  '',
  { placeholder: '<names>', parse: hostNames },
  'names that servers may be reached by, besides localhost and IP addresses, separated by commas: ' +
    'mesh.example.com,.svc.cluster.local',
)

export const GATEWAY_LISTEN = setting(
  'listen',
  '127.0.0.1:8084',
  hostPort,
  'address of the HTTP API and websockets',
)

export const INGEST_LISTEN = setting(
  'ingest-listen',
  '127.0.0.1:4318',
  hostPort,
  'address that events are posted to',
)

export const GRPC_LISTEN = setting(
  'grpc-listen',
  '127.0.0.1:4317',
  hostPortOrOff,
  'address that events are sent to over gRPC (OTLP, Envoy, meshtap), or off',
)

export const STATUS_LISTEN = setting(
  'status-listen',
  '127.0.0.1:9465',
  hostPort,
  'address of /livez and /readyz of an aggregator',
)

export const METRICS_LISTEN = setting(
  'metrics-listen',
  '127.0.0.1:9464',
  hostPort,
  'address of /metrics, /livez and /readyz of an exporter',
)

export const MAX_SERIES = setting(
  'max-series',
  '200000',
  wholeNumber({ min: 1, max: 10_000_000 }),
  'label sets of workloads, and of routes, that one scrape of /metrics has at most; how many more there were is in ' +
    'meshtap_exporter_series_limited',
)
