import { settingsOf, type ValueType } from './setting.ts'
import { choice, someText } from './value-types.ts'

const { setting, optional } = settingsOf('tracing')

const collectorUrl: ValueType<string> = {
  placeholder: '<url>',
  parse: (text) => {
    const url = URL.canParse(text) ? new URL(text) : undefined
    const isBase = url?.username === '' && url.password === '' && url.search === '' && url.hash === ''
    if (url !== undefined && isBase && /^https?:$/.test(url.protocol)) return text
    throw new RangeError('must be a URL such as http://collector:4318, without user, query and fragment')
  },
}

const share: ValueType<number> = {
  placeholder: '<number>',
  parse: (text) => {
    const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN
    if (value >= 0 && value <= 1) return value
    throw new RangeError('must be a number from 0 to 1')
  },
}

/** How a role's own doing is traced. */
export const TRACING_SETTINGS = {
  otlpEndpoint: optional(
    'otlp-endpoint',
    collectorUrl,
    'base URL of an OpenTelemetry collector that spans of meshtap itself are sent to: http://collector:4318; without it ' +
      'nothing is traced',
  ),
  otlpProtocol: setting(
    'otlp-protocol',
    'http/protobuf',
    choice('<protocol>', 'http/protobuf', 'grpc'),
    'how spans are sent',
  ),
  traceRatio: setting(
    'trace-ratio',
    '0.1',
    share,
    'share of the traces that begin here which are sampled; one that a request continues is sampled where it began',
  ),
  serviceName: optional(
    'service-name',
    someText('<name>', 'a name'),
    'service.name of the spans; meshtap-ROLE without it',
  ),
} as const
