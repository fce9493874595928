import { clientToken } from './client-token.ts'
import { isLoopback } from './loopback.ts'
import { type Environment, resolve } from './resolve.ts'
import { type Settings, SettingError, type SettingSchema, settingsOf } from './setting.ts'
import { pemFile } from './value-types.ts'

function url(text: string): string {
  const parsed = URL.parse(text)
  if (parsed === null || (parsed.protocol !== 'http:' && parsed.protocol !== 'https:')) {
    throw new RangeError('must be a URL such as http://127.0.0.1:8084')
  }
  if (parsed.username !== '' || parsed.password !== '') {
    throw new RangeError('must have no user name and no password: a token is given by itself')
  }
  if (parsed.search !== '') {
    throw new RangeError('must have no query: a token is given by itself')
  }
  return `${parsed.origin}${parsed.pathname.replace(/\/+$/, '')}`
}

const { setting, optional } = settingsOf('client')

const URL_TYPE = { placeholder: '<url>', parse: url }

const CA_FILE = optional(
  'ca-file',
  pemFile,
  "certificates to trust besides the system's, where that of a server is signed by one of them",
)

/** How a command finds a gateway, and what it shows to it. */
export const ASKING_SETTINGS = {
  gateway: setting('gateway', 'http://127.0.0.1:8084', URL_TYPE, 'address of the HTTP API'),
  token: { ...optional('token', clientToken, 'token to show to the gateway'), secrecy: 'value' },
  caFile: CA_FILE,
} as const

/** The same of one that sends events to an ingest. */
export const SENDING_SETTINGS = {
  ingest: setting('ingest', 'http://127.0.0.1:4318', URL_TYPE, 'address that events are posted to'),
  ingestToken: { ...optional('ingest-token', clientToken, 'token to show to the ingest'), secrecy: 'value' },
  caFile: CA_FILE,
} as const

/** Of the commands that ask, and those that send. */
export const CLIENT_SETTINGS = { ...ASKING_SETTINGS, ...SENDING_SETTINGS } as const

/** Flags by setting name, over the environment, over the defaults. URLs are without a slash at the end. Throws a SettingError. */
export function clientSettings<S extends SettingSchema>(
  schema: S,
  flags: Readonly<Record<string, string | undefined>>,
  environment: Environment = process.env,
): Settings<S> {
  const { values, faults } = resolve(schema, { flags, environment })
  if (faults.length > 0) throw new SettingError(faults)
  return values as Settings<S>
}

/** Whether what is sent to a URL can be read on the way. */
export function isReadableOnTheWay(url: string): boolean {
  const { protocol, hostname } = new URL(url)
  return protocol === 'http:' && !isLoopback(hostname.replace(/^\[|\]$/g, ''))
}

/** What the environment says of the terminal. */
export interface TerminalEnvironment {
  /** `NO_COLOR` is set to anything but the empty text (https://no-color.org). */
  readonly noColor: boolean
  /** The terminal cannot move its cursor. */
  readonly isDumb: boolean
}

export function terminalEnvironment(environment: Environment = process.env): TerminalEnvironment {
  return {
    noColor: (environment['NO_COLOR'] ?? '') !== '',
    isDumb: environment['TERM'] === 'dumb',
  }
}
