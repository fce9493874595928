import { type Environment, type Resolution, resolve, type SettingSources } from './resolve.ts'
import { ALL_SETTINGS, combinedFaults, type Role, ROLE_SETTINGS, type RoleSettings } from './roles.ts'
import { SettingError, type SettingSchema, variableOf } from './setting.ts'
import { readSettingsFile } from './settings-file.ts'

/** The flag that names a file of settings. */
export const CONFIG = 'config'

export interface GivenSettings {
  /** By setting name; `config` is a file of settings. */
  readonly flags: Readonly<Record<string, string | undefined>>
  readonly environment?: Environment
}

/** A role's settings. Rejects with a SettingError that has all that is wrong with them. */
export async function roleSettings<R extends Role>(role: R, given: GivenSettings): Promise<RoleSettings<R>> {
  const { values, faults } = await resolveSchema(ROLE_SETTINGS[role], given)
  if (faults.length > 0) throw new SettingError(faults)
  return values as RoleSettings<R>
}

/** The same for any schema, with where each value comes from, and with the faults as data. */
export async function resolveSchema<S extends SettingSchema>(
  schema: S,
  given: GivenSettings,
): Promise<Resolution<S>> {
  const sources = await settingSources(given)
  const { values, inForce, faults } = resolve(schema, sources)
  const wrong = new Set(faults.map(({ setting }) => setting))
  const combined = combinedFaults(schema, values).filter(({ setting }) => !wrong.has(setting))
  return { values, inForce, faults: [...(sources.file?.faults ?? []), ...faults, ...combined] }
}

async function settingSources({ flags, environment = process.env }: GivenSettings): Promise<SettingSources> {
  const path = flags[CONFIG] ?? environment[variableOf(CONFIG)]
  if (path === undefined || path === '') return { flags, environment }
  return { flags, environment, file: await readSettingsFile(path, ALL_SETTINGS) }
}
