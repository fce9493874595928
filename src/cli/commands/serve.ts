import type { Command } from 'commander'
import { SERVE_SETTINGS } from '../../config/serve-settings.ts'
import { variableOf } from '../../config/setting.ts'
import type { CliContext } from '../context.ts'

type Flags = Readonly<Record<string, string | boolean | undefined>>

export function configure(command: Command, context: CliContext): void {
  command
    .description(
      'Runs all of meshtap in this process: takes events, folds them, and answers questions about them.',
    )
    .option('--demo', 'with a small mesh that sends itself requests')
  for (const { name, fallback, description } of Object.values(SERVE_SETTINGS)) {
    command.option(
      `--${name} <value>`,
      `${description} (${fallback === '' ? '' : `default: ${fallback}, or `}${variableOf(name)})`,
    )
  }
  command
    .addHelpText(
      'after',
      `
Examples:
  meshtap serve --demo
  meshtap serve --data /var/lib/meshtap --cluster east --log-max-age 7d`,
    )
    .action(async (_flags: Flags, command: Command) => {
      const { serve } = await import('../../app/serve-command.ts')
      await serve({
        flags: settingFlags(command),
        demo: command.opts()['demo'] === true,
        version: context.version,
      })
    })
}

/** Flags by the names of their settings. */
function settingFlags(command: Command): Record<string, string | undefined> {
  const values = command.opts<Flags>()
  return Object.fromEntries(
    command.options.map((option) => {
      const value = values[option.attributeName()]
      return [option.name(), typeof value === 'string' ? value : undefined]
    }),
  )
}
