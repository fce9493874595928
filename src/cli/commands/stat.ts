import type { Command } from 'commander'
import type { StatAnswer } from '../../query/answer.ts'
import { askAll } from '../ask.ts'
import { type CliContext, note } from '../context.ts'
import { GatewayClient } from '../gateway-client.ts'
import { addTableOutput, type OutputFlags, printJson } from '../output.ts'
import { emptyNote, reasonLines } from '../printers/notes.ts'
import { statJson, statTables } from '../printers/stat-printer.ts'
import {
  addGatewayOption,
  addSelectionOptions,
  addWindowOptions,
  type GatewayFlags,
  gatewayUrl,
  type SelectionFlags,
  selectionParameters,
  spansNamespaces,
  type WindowFlags,
  windowParameter,
} from '../query-flags.ts'
import { parseResources } from '../resources.ts'

type Flags = SelectionFlags & WindowFlags & OutputFlags & GatewayFlags

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
  addGatewayOption(command)
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
  const client = new GatewayClient(gatewayUrl(flags))
  const answers = await askAll<StatAnswer>(context, client, '/api/v1/stat', questions)
  const rows = answers.flatMap((answer) => answer.rows)
  const reasons = answers.map(({ empty }) => empty)
  const lines = rows.length === 0 ? emptyNote('No traffic found.', reasons) : reasonLines(reasons)
  switch (flags.output) {
    case 'table':
    case 'wide':
      if (rows.length > 0) {
        const view = { detail: flags.output, withNamespace: spansNamespaces(flags) }
        context.stdout.write(statTables(rows, view))
      }
      break
    case 'json':
      printJson(context, statJson(rows))
      break
  }
  for (const line of lines) note(context, line)
}
