import type { Command } from 'commander'
import type { EdgesAnswer } from '../../query/answer.ts'
import { askAll } from '../ask.ts'
import { type CliContext, note } from '../context.ts'
import { addTableOutput, type OutputFlags, printJson } from '../output.ts'
import { edgesJson, edgesTable } from '../printers/edges-printer.ts'
import { emptyNote, reasonLines } from '../printers/notes.ts'
import {
  addSelectionOptions,
  addWindowOptions,
  type SelectionFlags,
  selectionParameters,
  type WindowFlags,
  windowParameter,
} from '../query-flags.ts'
import { parseResources } from '../resources.ts'
import { addGatewayOptions, type GatewayFlags, openGateway } from '../servers.ts'

type Flags = SelectionFlags & WindowFlags & OutputFlags & GatewayFlags

export function configure(command: Command, context: CliContext): void {
  command
    .description('Who calls whom in the window, and whether over TLS. Without a resource: everyone.')
    .argument('[resources...]', 'TYPE, TYPE NAME..., or TYPE/NAME... of a workload, a namespace or a cluster')
  addSelectionOptions(command)
  addWindowOptions(command)
  addTableOutput(command, 'with identities, requests and connections')
  addGatewayOptions(command)
  command
    .addHelpText(
      'after',
      `
SECURED is √ where all requests went over TLS, their share where some did, no where none did, and - where no proxy says.

Examples:
  meshtap edges deploy -n emojivoto
  meshtap edges deploy/web --to deploy/voting -n emojivoto -o wide
  meshtap edges`,
    )
    .action((args: string[], flags: Flags) => edges(context, args, flags))
}

async function edges(context: CliContext, args: readonly string[], flags: Flags): Promise<void> {
  const resources = args.length === 0 ? [undefined] : parseResources(args)
  const questions = resources.map((resource) => ({
    ...selectionParameters(resource, flags),
    ...windowParameter(flags),
  }))
  const client = openGateway(context, flags)
  const answers = await askAll<EdgesAnswer>(context, client, '/api/v1/edges', questions)
  // An edge between two of the resources is in the answers about both.
  const rows = [
    ...new Map(
      answers
        .flatMap((answer) => answer.rows)
        .map((row) => [JSON.stringify([row.source, row.destination]), row] as const),
    ).values(),
  ]
  const reasons = answers.map(({ empty }) => empty)
  const lines = rows.length === 0 ? emptyNote('No edges found.', reasons) : reasonLines(reasons)
  switch (flags.output) {
    case 'table':
    case 'wide':
      if (rows.length > 0) context.stdout.write(edgesTable(rows, flags.output))
      break
    case 'json':
      printJson(context, edgesJson(rows))
      break
  }
  for (const line of lines) note(context, line)
}
