import type { Command } from 'commander'
import type { StatAnswer } from '../../query/answer.ts'
import { askAll } from '../ask.ts'
import { type CliContext, note } from '../context.ts'
import { addTableOutput, type OutputFlags, printJson } from '../output.ts'
import { printableJson } from '../printers/printable.ts'
import { emptyNote, reasonLines } from '../printers/notes.ts'
import { statJson, statTables } from '../printers/stat-printer.ts'
import {
  addSelectionOptions,
  addWindowOptions,
  type SelectionFlags,
  selectionParameters,
  spansNamespaces,
  type WindowFlags,
  windowParameter,
} from '../query-flags.ts'
import { parseResources } from '../resources.ts'
import { addGatewayOptions, type GatewayFlags, openGateway } from '../servers.ts'

type Flags = SelectionFlags & WindowFlags & OutputFlags & GatewayFlags & { readonly watch?: true }

export function configure(command: Command, context: CliContext): void {
  command
    .description(
      'Success rate, request rate, latency and connections of resources: of what they receive, with --to of what they ' +
        'send there, with --from of what they receive from there.',
    )
    .argument('[resources...]', 'TYPE, TYPE NAME..., or TYPE/NAME...; or all')
  addSelectionOptions(command)
  addWindowOptions(command)
  addTableOutput(command, 'with bytes and tenths of milliseconds')
  command.option(
    '-w, --watch',
    'go on: on a terminal a table that is kept up to date, else each table or list that differs',
  )
  addGatewayOptions(command)
  command
    .addHelpText(
      'after',
      `
TYPE is namespace (ns), deployment (deploy), statefulset (sts), daemonset (ds), replicaset (rs), job, cronjob (cj),
pod (po), service (svc), authority (au), route or cluster.

Examples:
  meshtap stat deploy -n emojivoto
  meshtap stat deploy/web po/web-7c8d-x2k -n emojivoto -t 10m
  meshtap stat deploy/web --to svc/emoji-svc -n emojivoto
  meshtap stat deploy -n emojivoto --watch
  meshtap stat all -o wide`,
    )
    .action((args: string[], flags: Flags) => stat(context, args, flags))
}

async function stat(context: CliContext, args: readonly string[], flags: Flags): Promise<void> {
  const resources = parseResources(args)
  const questions = resources.map((resource) => ({
    ...selectionParameters(resource, flags),
    ...windowParameter(flags),
  }))
  const client = openGateway(context, flags)
  if (flags.watch === true) {
    const { watchStat } = await import('../live/watch-stat.ts')
    const text = (answers: readonly StatAnswer[]): string => textOf(answers, flags)
    await watchStat(context, { client, questions, text })
    return
  }
  const answers = await askAll<StatAnswer>(context, client, '/api/v1/stat', questions)
  const rows = answers.flatMap((answer) => answer.rows)
  const reasons = answers.map(({ empty }) => empty)
  const lines = rows.length === 0 ? emptyNote('No traffic found.', reasons) : reasonLines(reasons)
  if (flags.output === 'json') printJson(context, statJson(rows))
  else context.stdout.write(textOf(answers, flags))
  for (const line of lines) note(context, line)
}

/** JSON is one line. */
function textOf(answers: readonly StatAnswer[], flags: Flags): string {
  const rows = answers.flatMap((answer) => answer.rows)
  if (flags.output === 'json') return `${printableJson(JSON.stringify(statJson(rows)))}\n`
  return rows.length === 0
    ? ''
    : statTables(rows, { detail: flags.output, withNamespace: spansNamespaces(flags) })
}
