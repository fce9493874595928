import { Argument, type Command, Option } from 'commander'
import { CLIENT_SETTINGS } from '../../config/client.ts'
import { resolveSchema } from '../../config/role-settings.ts'
import { ALL_SETTINGS, type Role, ROLE_SETTINGS, ROLES } from '../../config/roles.ts'
import { SettingError, type SettingSchema } from '../../config/setting.ts'
import { unknownVariables } from '../../config/unknown-variables.ts'
import { type CliContext, note } from '../context.ts'
import { printJson } from '../output.ts'
import { settingsTable } from '../printers/settings-printer.ts'
import { addSettingOptions, settingFlags } from '../setting-options.ts'

interface Flags {
  readonly output: 'table' | 'json'
}

export function configure(command: Command, context: CliContext): void {
  command
    .description(
      'Prints the settings in force and where each comes from, secrets masked. With a role, its settings, and what is ' +
        'wrong with them. Takes the flags of the role too.',
    )
    .addArgument(new Argument('[role]', 'whose settings; without it those of all').choices(ROLES))
    .addOption(
      new Option('-o, --output <format>', 'table, or json').choices(['table', 'json']).default('table'),
    )
  const ownOptions = command.options.length
  addSettingOptions(command, { ...Object.fromEntries(ALL_SETTINGS), ...CLIENT_SETTINGS })
  // Each is explained by its role.
  for (const option of command.options.slice(ownOptions + 1)) option.hideHelp()
  command
    .addHelpText(
      'after',
      `
Examples:
  meshtap config aggregator
  meshtap config gateway --config /etc/meshtap/meshtap.yaml -o json`,
    )
    .action((role: Role | undefined, { output }: Flags, command: Command) =>
      run(context, role, output, settingFlags(command)),
    )
}

async function run(
  context: CliContext,
  role: Role | undefined,
  output: Flags['output'],
  flags: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  const schema: SettingSchema =
    role === undefined ? { ...Object.fromEntries(ALL_SETTINGS), ...CLIENT_SETTINGS } : ROLE_SETTINGS[role]
  const { inForce, faults } = await resolveSchema(schema, { flags })
  if (output === 'json') printJson(context, inForce)
  else context.stdout.write(settingsTable(inForce))
  for (const { name, meant } of unknownVariables()) {
    note(
      context,
      `warning: ${name} is the variable of no setting${meant === undefined ? '' : `; is ${meant} meant?`}`,
    )
  }
  // What one role requires, another may do without.
  const wrong = role === undefined ? faults.filter(({ isMissing }) => !isMissing) : faults
  if (wrong.length > 0) throw new SettingError(wrong)
}
