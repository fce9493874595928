import type { Command } from 'commander'
import { CLIENT_SETTINGS, clientSettings } from '../../config/client.ts'
import type { CliContext } from '../context.ts'
import { settingOption } from '../setting-options.ts'
import { stderrLog } from '../stderr-log.ts'
import { aborted, untilStopped } from '../stop-signal.ts'

interface Flags {
  readonly ingest?: string
}

export function configure(command: Command, context: CliContext): void {
  command
    .description(
      'Runs a small mesh that sends itself real HTTP requests through sidecars: web, emoji, voting and vote-bot in the ' +
        'namespace emojivoto. Voting for one of the emoji fails.',
    )
    .addOption(settingOption(CLIENT_SETTINGS.ingest))
    .addHelpText(
      'after',
      `
Examples:
  meshtap serve --demo
  meshtap demo --ingest http://127.0.0.1:4318`,
    )
    .action((flags: Flags) => run(context, flags))
}

async function run(context: CliContext, flags: Flags): Promise<void> {
  const { ingest } = clientSettings({ ingest: flags.ingest })
  const { startDemo } = await import('../../demo/demo.ts')
  await untilStopped(async (signal) => {
    const demo = await startDemo({ ingestUrl: ingest, log: stderrLog(context) })
    try {
      context.stdout.write(`the demo reports to ${ingest}\n`)
      await aborted(signal)
    } finally {
      await demo.close()
    }
  })
}
