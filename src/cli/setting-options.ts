import { type Command, Option } from 'commander'
import { CONFIG } from '../config/role-settings.ts'
import { type Setting, type SettingSchema, variableOf } from '../config/setting.ts'

type Flags = Readonly<Record<string, string | boolean | undefined>>

/** A setting as a flag. */
function settingOption(setting: Setting<unknown>): Option {
  const { name, placeholder, words, description, fallback, isRequired } = setting
  const variable = variableOf(name)
  const ways = [
    ...(words === undefined ? [] : [`one of ${words.join(', ')}`]),
    ...(isRequired ? ['required'] : []),
    ...(fallback === undefined || fallback === '' ? [] : [`default: ${fallback}`]),
  ]
  const hint = ways.length === 0 ? variable : `${ways.join('; ')}, or ${variable}`
  return new Option(`--${name} ${placeholder}`, `${description} (${hint})`)
}

/** Gives a command the flags of a schema, and `--config`. */
export function addSettingOptions(command: Command, schema: SettingSchema): void {
  command.option(`--${CONFIG} <file>`, `YAML file of settings (${variableOf(CONFIG)})`)
  addSchemaOptions(command, schema)
}

/** Gives a command the flags of a schema. */
export function addSchemaOptions(command: Command, schema: SettingSchema): void {
  for (const setting of Object.values(schema)) {
    command.addOption(settingOption(setting))
    if (setting.secrecy === undefined) continue
    const { name } = setting
    command.addOption(
      new Option(`--${name}-file <file>`, `the same, in a file of its own (${variableOf(`${name}-file`)})`),
    )
  }
}

/** What was given as flags, by the names of settings. */
export function settingFlags(command: Command): Record<string, string | undefined> {
  const values = command.opts<Flags>()
  return Object.fromEntries(
    command.options.map((option) => {
      const value = values[option.attributeName()]
      // A flag that may stand alone is then on.
      return [
        option.name(),
        value === true && option.optional ? 'on' : typeof value === 'string' ? value : undefined,
      ]
    }),
  )
}
