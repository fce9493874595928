import { CLIENT_SETTINGS } from '../../src/config/client.ts'
import { ALL_SETTINGS, type Role, ROLE_SETTINGS, ROLES } from '../../src/config/roles.ts'
import { type Setting, SETTING_GROUPS, type SettingGroup, variableOf } from '../../src/config/setting.ts'

const HEADINGS: Readonly<Record<SettingGroup, string>> = {
  http: 'HTTP',
  access: 'Access',
  limits: 'Limits',
  kafka: 'Kafka',
  redis: 'Redis',
  events: 'Events',
  identities: 'Identities',
  rollups: 'Rollups',
  embedded: 'The embedded log and store',
  log: 'Log',
  tracing: 'Traces',
  client: 'Commands that ask or send',
}

const COMMANDS_OF_CLIENT: Readonly<Record<string, string>> = {
  gateway: 'commands that ask',
  token: 'commands that ask',
  ingest: 'push, proxy, demo',
  'ingest-token': 'push, proxy, demo',
  'ca-file': 'commands that ask, push, proxy, demo',
}

/** The tables of docs/configuration.md, as prettier formats them. */
export function settingsTables(): string {
  const all = [...ALL_SETTINGS.values(), ...Object.values<Setting<unknown>>(CLIENT_SETTINGS)]
  return SETTING_GROUPS.map((group) => {
    const rows = all.filter((setting) => setting.group === group).map(rowOf)
    return `### ${HEADINGS[group]}\n\n${table([['setting', 'default', 'what it is', 'of'], ...rows])}\n`
  }).join('\n')
}

function rowOf(setting: Setting<unknown>): string[] {
  const { name, fallback, isRequired, description, words } = setting
  const value = isRequired ? 'required' : fallback === undefined || fallback === '' ? '' : `\`${fallback}\``
  const allowed = words === undefined ? '' : ` (${words.map((word) => `\`${word}\``).join(', ')})`
  const text = description.replaceAll(/<[\w.<>]+>|__\w+__/g, (part) => `\`${part}\``).replaceAll('*', '\\*')
  return [`\`${name}\`<br>\`${variableOf(name)}\``, value, `${text}${allowed}`, rolesOf(setting)]
}

function rolesOf({ name, group }: Setting<unknown>): string {
  if (group === 'client') return COMMANDS_OF_CLIENT[name]!
  const has = (role: Role) => Object.values(ROLE_SETTINGS[role]).some((setting) => setting.name === name)
  const roles = ROLES.filter(has)
  return roles.length === ROLES.length ? 'all' : roles.join(', ')
}

function table([head, ...rows]: readonly (readonly string[])[]): string {
  const lines = [head!, ...rows]
  const widths = head!.map((_, i) => Math.max(...lines.map((line) => line[i]!.length)))
  const write = (line: readonly string[]) =>
    `| ${line.map((cell, i) => cell.padEnd(widths[i]!)).join(' | ')} |`
  return [write(head!), write(widths.map((width) => '-'.repeat(width))), ...rows.map(write)].join('\n')
}
