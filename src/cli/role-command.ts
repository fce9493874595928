import type { Command } from 'commander'
import type { RoleContext, Announcement } from '../app/role-context.ts'
import { type Role, ROLE_SETTINGS } from '../config/roles.ts'
import type { CliContext } from './context.ts'
import { addSettingOptions, settingFlags } from './setting-options.ts'
import { untilStopped } from './stop-signal.ts'

export interface RoleCommand<R extends Role> {
  readonly role: R
  readonly description: string
  readonly examples: readonly string[]
  /** Loads what the role needs. */
  readonly load: () => Promise<(context: RoleContext<R>) => Promise<Announcement>>
  /** Told to people at the end of the announcement. */
  readonly next?: () => string
}

/** Gives a command its role: the flags of the role's settings, and the role to run until a signal stops it. */
export function configureRole<R extends Role>(
  command: Command,
  context: CliContext,
  { role, description, examples, load, next = () => '' }: RoleCommand<R>,
): void {
  command.description(description)
  addSettingOptions(command, ROLE_SETTINGS[role])
  command
    .addHelpText('after', `\nExamples:\n${examples.map((line) => `  meshtap ${line}`).join('\n')}`)
    .action((_flags: unknown, command: Command) =>
      untilStopped(async (stop) => {
        const [{ runRole }, start] = await Promise.all([import('../app/run-role.ts'), load()])
        await runRole({
          role,
          start,
          flags: settingFlags(command),
          version: context.version,
          stop,
          isTerminal: context.stderr.isTTY === true,
          write: (text) => context.stdout.write(text + next()),
        })
      }),
    )
}
