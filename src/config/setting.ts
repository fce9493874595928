/** How a text came to be a setting's. */
export interface TextOrigin {
  /** `--flush`, `MESHTAP_FLUSH`, `meshtap.yaml:12`; empty for a default. */
  readonly place: string
  /** The file that the text was read from, where the place names one. */
  readonly file?: string
}

/** How a value is written. `parse` throws a RangeError that says what is allowed, and does not repeat the text. */
export interface ValueType<T> {
  /** What help shows in the value's place: `<duration>`, or `[on|off]` where it may be left out. */
  readonly placeholder: string
  /** All that is allowed, where that is a few words. */
  readonly words?: readonly string[]
  readonly parse: (text: string, origin?: TextOrigin) => T
}

/** Concerns, in the order in which they are shown. */
export const SETTING_GROUPS = [
  'http',
  'access',
  'limits',
  'kafka',
  'redis',
  'events',
  'identities',
  'rollups',
  'embedded',
  'log',
  'tracing',
  'client',
] as const

export type SettingGroup = (typeof SETTING_GROUPS)[number]

/** One setting: how it is called, read and shown. */
export interface Setting<T> extends ValueType<T> {
  /**
   * As a flag: `--data`. Its variable is `MESHTAP_` and the name in upper case, dashes as underscores; in a file it is the
   * key.
   */
  readonly name: string
  readonly group: SettingGroup
  readonly description: string
  /** The value where nothing gives one. Without it the setting has no value then, or must be given. */
  readonly fallback?: string
  readonly isRequired?: true
  /** What of the value is never shown: all of it, or the credentials of a URL. */
  readonly secrecy?: 'value' | 'url'
  /** Another name that a file may call it by. */
  readonly fileAlias?: string
}

export type SettingSchema = Readonly<Record<string, Setting<unknown>>>

export type Settings<S> = { readonly [K in keyof S]: S[K] extends Setting<infer T> ? T : never }

/** Makes the settings of one group. */
export function settingsOf(group: SettingGroup) {
  return {
    /** A setting with a default. */
    setting: <T>(name: string, fallback: string, type: ValueType<T>, description: string): Setting<T> => ({
      ...type,
      name,
      group,
      description,
      fallback,
    }),
    /** A setting that may have no value. */
    optional: <T>(name: string, type: ValueType<T>, description: string): Setting<T | undefined> => ({
      ...type,
      name,
      group,
      description,
    }),
    /** A setting that a role cannot do without. */
    required: <T>(name: string, type: ValueType<T>, description: string): Setting<T> => ({
      ...type,
      name,
      group,
      description,
      isRequired: true,
    }),
  }
}

/** What is wrong with one setting, in words that name it. */
export interface SettingFault {
  readonly setting: string
  readonly message: string
  /** It has no value, and its role requires one. */
  readonly isMissing?: true
}

/** Settings that have values they cannot have: all of them. */
export class SettingError extends Error {
  readonly code = 'BAD_SETTING'
  readonly faults: readonly SettingFault[]

  constructor(faults: readonly SettingFault[]) {
    const messages = faults.map(({ message }) => message)
    super(messages.length === 1 ? messages[0]! : `settings are wrong:\n  ${messages.join('\n  ')}`)
    this.name = 'SettingError'
    this.faults = faults
  }
}

export function variableOf(name: string): string {
  return `MESHTAP_${name.toUpperCase().replaceAll('-', '_')}`
}

/** How a setting can be given, for messages about one that was not. */
export function waysToGive(name: string): string {
  return `--${name}, ${variableOf(name)}, or ${name} in the file of --config`
}
