import { resolveSettings, type Setting, type Settings } from './setting.ts'

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

function setting(name: string, fallback: string, description: string): Setting<string> {
  return { name, fallback, description, parse: url }
}

/** Where the commands that ask, and those that send, find a running meshtap. */
export const CLIENT_SETTINGS = {
  gateway: setting('gateway', 'http://127.0.0.1:8084', 'address of the HTTP API'),
  ingest: setting('ingest', 'http://127.0.0.1:4318', 'address that events are posted to'),
} as const

/** Base URLs without a slash at the end. */
export type ClientSettings = Settings<typeof CLIENT_SETTINGS>

type Environment = Readonly<Record<string, string | undefined>>

/** Flags by setting name, over the environment, over the defaults. Throws a SettingError. */
export function clientSettings(
  flags: Readonly<Record<string, string | undefined>>,
  environment: Environment = process.env,
): ClientSettings {
  return resolveSettings(CLIENT_SETTINGS, flags, environment)
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
