import { type Command, Option } from 'commander'
import type { CliContext } from '../context.ts'
import { durationFlag, wholeNumberFlag } from '../flag-values.ts'
import { addSelectionOptions } from '../query-flags.ts'
import { addGatewayOptions } from '../servers.ts'
import { tap, type TapFlags } from '../tap/tap.ts'
import { TAP_FORMATS } from '../tap/tap-output.ts'

const DAY_MS = 86_400_000

export function configure(command: Command, context: CliContext): void {
  command
    .description(
      'Shows requests as they happen: those that the proxies of the resource receive and send, each once it has ended. ' +
        'Without a resource: those of all.',
    )
    .argument('[resource...]', 'TYPE, TYPE NAME, or TYPE/NAME; or all')
  addSelectionOptions(command)
  command
    .option('--direction <direction>', 'only what is received (inbound, in) or sent (outbound, out)')
    .option('--method <method>', 'only this method')
    .option('--authority <pattern>', 'only this authority; * matches any characters, ? one')
    .option('--path <pattern>', 'only paths that begin so, or match where there is a * or ?')
    .option('--status <status>', '503, 5xx, success or failure')
    .option('--min-latency <duration>', 'only requests that took as long: 250ms')
    .option('--header <header>', 'only requests with this header: NAME or NAME:VALUE')
    .option('--max-rps <number>', 'most events a second, an even sample of those that match', '100')
    .option(
      '--since <when>',
      'begin with the past: 5m, or a time such as 2026-11-24T10:00:00Z, at most 7d ago',
    )
    .option('--last <events>', 'begin with the last events that match, at most 10000')
    .addOption(
      new Option(
        '-o, --output <format>',
        'lines (three a request, as linkerd viz tap), wide (with labels), compact, or json (one object a line); ' +
          'compact on a terminal, else lines',
      ).choices(TAP_FORMATS),
    )
    .addOption(
      new Option('--limit <events>', 'stop after so many').argParser(wholeNumberFlag(1, 1_000_000_000)),
    )
    .addOption(
      new Option('--duration <duration>', 'stop after so long').argParser(durationFlag(1, 365 * DAY_MS)),
    )
    .addOption(
      new Option('--retry-for <duration>', 'how long to try to connect again when the gateway is gone')
        .argParser(durationFlag(0, DAY_MS))
        .default(60_000, '1m'),
    )
  addGatewayOptions(command)
  command
    .addHelpText(
      'after',
      `
Examples:
  meshtap tap deploy/web -n emojivoto
  meshtap tap deploy/voting -n emojivoto --status failure --min-latency 100ms
  meshtap tap deploy/web -n emojivoto --status failure --since 10m
  meshtap tap deploy/web -n emojivoto --to svc/emoji-svc --path '/api/*' -o json --limit 10`,
    )
    .action((args: string[], flags: TapFlags) => tap(context, args, flags))
}
