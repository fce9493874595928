import type { Command } from 'commander'
import type { CliContext } from '../context.ts'
import { addIngestOptions, type IngestFlags, openIngest } from '../servers.ts'
import { stderrLog } from '../stderr-log.ts'
import { aborted, untilStopped } from '../stop-signal.ts'

export function configure(command: Command, context: CliContext): void {
  command.description(
    'Runs a small mesh that sends itself real HTTP requests through sidecars: web, emoji, voting and vote-bot in the ' +
      'namespace emojivoto. Voting for one of the emoji fails.',
  )
  addIngestOptions(command)
  command
    .addHelpText(
      'after',
      `
Examples:
  meshtap serve --demo
  meshtap demo --ingest http://127.0.0.1:4318`,
    )
    .action((flags: IngestFlags) => run(context, flags))
}

async function run(context: CliContext, flags: IngestFlags): Promise<void> {
  const { url, token } = openIngest(context, flags)
  const { startDemo } = await import('../../demo/demo.ts')
  await untilStopped(async (signal) => {
    const demo = await startDemo({
      ingestUrl: url,
      ...(token === undefined ? {} : { ingestToken: () => token.current() }),
      log: stderrLog(context),
    })
    try {
      context.stdout.write(`the demo reports to ${url}\n`)
      await aborted(signal)
    } finally {
      await demo.close()
    }
  })
}
