import { readFileSync } from 'node:fs'
import { shownText } from './masking.ts'
import type { Setting, SettingFault, SettingSchema, Settings } from './setting.ts'
import { variableOf, waysToGive } from './setting.ts'
import type { SettingsFile } from './settings-file.ts'
import { readable } from './value-types.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/** Where values come from: flags outrank variables, which outrank the file, which outranks defaults. */
export interface SettingSources {
  /** By setting name. */
  readonly flags: Readonly<Record<string, string | undefined>>
  readonly environment: Environment
  readonly file?: SettingsFile
}

export type Origin = 'flag' | 'variable' | 'file' | 'default' | 'nowhere'

/** A setting as it is in force. */
export interface SettingInForce {
  readonly name: string
  readonly group: string
  /** Its text, secrets masked; undefined where it has no value. */
  readonly text: string | undefined
  readonly origin: Origin
  /** `--flush`, `MESHTAP_FLUSH`, `meshtap.yaml:12`; empty where nothing gave it. */
  readonly place: string
}

export interface Resolution<S> {
  /** Those without a fault. */
  readonly values: Partial<Settings<S>>
  readonly inForce: readonly SettingInForce[]
  readonly faults: readonly SettingFault[]
}

/** A text that something gave, before it is read. */
interface Given {
  readonly origin: Exclude<Origin, 'nowhere'>
  readonly place: string
  /** What an error calls the setting at that place. */
  readonly subject: string
  readonly text: string
  /** What the text was read from. */
  readonly file?: string
}

/** Finds and reads every setting of a schema; what is wrong is among the faults. */
export function resolve<S extends SettingSchema>(schema: S, sources: SettingSources): Resolution<S> {
  const values: Record<string, unknown> = {}
  const inForce: SettingInForce[] = []
  const faults: SettingFault[] = []
  for (const [key, setting] of Object.entries(schema)) {
    const { name, group } = setting
    try {
      const given = find(setting, sources)
      inForce.push({
        name,
        group,
        text: given && shownText(setting, given.text),
        origin: given?.origin ?? 'nowhere',
        place: given?.place ?? '',
      })
      values[key] = given && parse(setting, given)
      if (given === undefined && setting.isRequired) {
        const message = `${name} is required: give ${waysToGive(name)}`
        faults.push({ setting: name, message, isMissing: true })
      }
    } catch (error) {
      if (!(error instanceof RangeError)) throw error
      faults.push({ setting: name, message: error.message })
    }
  }
  return { values: values as Partial<Settings<S>>, inForce, faults }
}

/** Throws a RangeError that names the place, the value and what is allowed. */
function parse(setting: Setting<unknown>, { subject, text, place, file }: Given): unknown {
  try {
    return setting.parse(text, { place, ...(file === undefined ? {} : { file }) })
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw new RangeError(`${subject} is ${JSON.stringify(shownText(setting, text))}: ${error.message}`)
  }
}

function find(setting: Setting<unknown>, sources: SettingSources): Given | undefined {
  const { name, fallback, secrecy } = setting
  for (const layer of [flag, variable, fileValue]) {
    const direct = layer(name, sources)
    const pointed = secrecy === undefined ? undefined : layer(`${name}-file`, sources)
    if (direct !== undefined && pointed !== undefined) {
      throw new RangeError(`${direct.subject} and ${pointed.subject} are both given: give one of them`)
    }
    if (direct !== undefined) return direct
    if (pointed !== undefined) return { ...pointed, text: secretIn(pointed), file: pointed.text }
  }
  if (fallback === undefined) return undefined
  return { origin: 'default', place: '', subject: `the default of --${name}`, text: fallback }
}

function flag(name: string, { flags }: SettingSources): Given | undefined {
  const text = flags[name]
  const place = `--${name}`
  return text === undefined ? undefined : { origin: 'flag', place, subject: place, text }
}

function variable(name: string, { environment }: SettingSources): Given | undefined {
  const place = variableOf(name)
  const text = environment[place]
  return text === undefined ? undefined : { origin: 'variable', place, subject: place, text }
}

function fileValue(name: string, { file }: SettingSources): Given | undefined {
  const value = file?.values.get(name)
  if (value === undefined) return undefined
  return { origin: 'file', place: value.place, subject: `${value.place}: ${name}`, text: value.text }
}

/** What a file holds, without the line's end that editors put there. */
function secretIn({ subject, text: path }: Given): string {
  try {
    return readable(path, () => readFileSync(path, 'utf8')).replace(/\r?\n$/, '')
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw new RangeError(`${subject} is ${JSON.stringify(path)}: ${error.message}`)
  }
}
