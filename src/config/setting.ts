/** How one setting is read. `parse` throws a RangeError that says what is allowed. */
export interface Setting<T> {
  /** As a flag: `--data`. Its variable is `MESHTAP_` and the name in upper case, dashes as underscores. */
  readonly name: string
  readonly fallback: string
  readonly description: string
  readonly parse: (text: string) => T
}

export type Settings<S> = { readonly [K in keyof S]: S[K] extends Setting<infer T> ? T : never }

/** A setting that has a value it cannot have. */
export class SettingError extends Error {
  readonly code = 'BAD_SETTING'
  readonly setting: string

  constructor(setting: string, message: string) {
    super(message)
    this.name = 'SettingError'
    this.setting = setting
  }
}

export function variableOf(name: string): string {
  return `MESHTAP_${name.toUpperCase().replaceAll('-', '_')}`
}

/**
 * The values in force: flags before environment variables before defaults. `flags` are by setting name.
 * Throws a SettingError that names the setting, where the value came from, the value and what is allowed.
 */
export function resolveSettings<S extends Readonly<Record<string, Setting<unknown>>>>(
  schema: S,
  flags: Readonly<Record<string, string | undefined>>,
  environment: Readonly<Record<string, string | undefined>>,
): Settings<S> {
  const values = Object.entries(schema).map(([key, setting]) => {
    const variable = variableOf(setting.name)
    const [text, place] =
      flags[setting.name] !== undefined
        ? [flags[setting.name]!, `--${setting.name}`]
        : environment[variable] !== undefined
          ? [environment[variable], variable]
          : [setting.fallback, `the default of --${setting.name}`]
    try {
      return [key, setting.parse(text)]
    } catch (error) {
      if (!(error instanceof RangeError)) throw error
      throw new SettingError(setting.name, `${place} is ${JSON.stringify(text)}: ${error.message}`)
    }
  })
  return Object.fromEntries(values) as Settings<S>
}

const DURATION = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/
const DURATION_UNITS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** A duration such as `500ms`, `1s`, `24h`, in milliseconds. */
export function duration(limits: { readonly min: number; readonly max: number }): (text: string) => number {
  return (text) => {
    const [, number, unit] = DURATION.exec(text) ?? []
    const ms =
      number === undefined ? Number.NaN : Number(number) * DURATION_UNITS[unit as keyof typeof DURATION_UNITS]
    if (ms >= limits.min && ms <= limits.max) return ms
    throw new RangeError(
      `must be a duration such as 500ms, 10s, 5m or 24h, from ${limits.min} to ${limits.max} ms`,
    )
  }
}

const SIZE = /^(\d+)(B|KiB|MiB|GiB|TiB)?$/
const SIZE_UNITS = { B: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 } as const

/** A size such as `512MiB`, in bytes. */
export function size(limits: { readonly min: number; readonly max: number }): (text: string) => number {
  return (text) => {
    const [, number, unit = 'B'] = SIZE.exec(text) ?? []
    const bytes =
      number === undefined ? Number.NaN : Number(number) * SIZE_UNITS[unit as keyof typeof SIZE_UNITS]
    if (bytes >= limits.min && bytes <= limits.max) return bytes
    throw new RangeError(`must be a size such as 512MiB or 1GiB, from ${limits.min} to ${limits.max} bytes`)
  }
}

export function wholeNumber(limits: {
  readonly min: number
  readonly max: number
}): (text: string) => number {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN
    if (value >= limits.min && value <= limits.max) return value
    throw new RangeError(`must be a whole number from ${limits.min} to ${limits.max}`)
  }
}

export interface HostPort {
  readonly host: string
  readonly port: number
}

/** An address to listen on: `127.0.0.1:8084`, `[::1]:8084`, or `:8084` for loopback. Port 0 is any free one. */
export function hostPort(text: string): HostPort {
  const [, host = '', port] = /^(\[[0-9a-fA-F:.]+\]|[^:\s]*):(\d{1,5})$/.exec(text) ?? []
  if (port === undefined || Number(port) > 65_535) {
    throw new RangeError('must be an address such as 127.0.0.1:8084 or [::1]:8084')
  }
  return { host: host.replace(/^\[|\]$/g, '') || '127.0.0.1', port: Number(port) }
}

/** Parts separated by commas; none for the empty text. */
export function list(text: string): readonly string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
}
