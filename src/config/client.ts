import { type Environment, resolve } from './resolve.ts'
import { type Settings, SettingError, settingsOf } from './setting.ts'

function url(text: string): string {
  const parsed = URL.parse(text)
  if (parsed === null || (parsed.protocol !== 'http:' && parsed.protocol !== 'https:')) {
    throw new RangeError('must be a URL such as http://127.0.0.1:8084')
  }
  if (parsed.username !== '' || parsed.password !== '') {
    throw new RangeError('must have no user name and no password: there is no login')
  }
  return `${parsed.origin}${parsed.pathname.replace(/\/+$/, '')}`
}

const { setting } = settingsOf('client')

const URL_TYPE = { placeholder: '<url>', parse: url }

/** Where the commands that ask, and those that send, find a running meshtap. */
export const CLIENT_SETTINGS = {
  gateway: setting('gateway', 'http://127.0.0.1:8084', URL_TYPE, 'address of the HTTP API'),
  ingest: setting('ingest', 'http://127.0.0.1:4318', URL_TYPE, 'address that events are posted to'),
} as const

/** Base URLs without a slash at the end. */
export type ClientSettings = Settings<typeof CLIENT_SETTINGS>

/** Flags by setting name, over the environment, over the defaults. Throws a SettingError. */
export function clientSettings(
  flags: Readonly<Record<string, string | undefined>>,
  environment: Environment = process.env,
): ClientSettings {
  const { values, faults } = resolve(CLIENT_SETTINGS, { flags, environment })
  if (faults.length > 0) throw new SettingError(faults)
  return values as ClientSettings
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
