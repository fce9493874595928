import type { Command } from 'commander'
import type { CliContext } from '../context.ts'
import { configureRole } from '../role-command.ts'

export function configure(command: Command, context: CliContext): void {
  command.option('--demo', 'with a small mesh that sends itself requests')
  const isDemo = () => command.opts<{ readonly demo?: true }>().demo === true
  configureRole(command, context, {
    role: 'serve',
    description:
      'Runs all of meshtap in this process: takes events, folds them, and answers questions about them.',
    examples: ['serve --demo', 'serve --data /var/lib/meshtap --cluster east --log-max-age 7d'],
    load: async () => (await import('../../app/serve-role.ts')).serveRole({ demo: isDemo() }),
    next: () => (isDemo() ? TRY_NEXT : ''),
  })
}

const TRY_NEXT = `
A demo mesh is sending itself requests. Try next, in another terminal:
  npx meshtap stat deploy -n emojivoto
  npx meshtap top deploy/web -n emojivoto
  npx meshtap tap deploy/voting -n emojivoto --status failure
  npx meshtap edges deploy -n emojivoto
`
