import type { Command } from 'commander'
import type { RoutesAnswer } from '../../query/answer.ts'
import { askAll } from '../ask.ts'
import { type CliContext, note } from '../context.ts'
import { addTableOutput, type OutputFlags, printJson } from '../output.ts'
import { emptyNote, reasonLines } from '../printers/notes.ts'
import { routesJson, routesTable } from '../printers/routes-printer.ts'
import {
  addSelectionOptions,
  addWindowOptions,
  type SelectionFlags,
  selectionParameters,
  spansNamespaces,
  type WindowFlags,
  windowParameter,
} from '../query-flags.ts'
import { parseResources, shortResourceText } from '../resources.ts'
import { addGatewayOptions, type GatewayFlags, openGateway } from '../servers.ts'

type Flags = SelectionFlags & WindowFlags & OutputFlags & GatewayFlags

export function configure(command: Command, context: CliContext): void {
  command
    .description(
      'Success rate, request rate and latency by route: of the requests that the resources receive, or with --to of ' +
        'those that they send there.',
    )
    .argument('[resources...]', 'TYPE, TYPE NAME..., or TYPE/NAME...')
  addSelectionOptions(command)
  addWindowOptions(command)
  addTableOutput(command, 'with counts and tenths of milliseconds')
  addGatewayOptions(command)
  command
    .addHelpText(
      'after',
      `
A route is a path with its variable parts left open, such as GET /users/:id; [DEFAULT] is what has no path.

Examples:
  meshtap routes deploy/web -n emojivoto
  meshtap routes deploy/web --to svc/voting-svc -n emojivoto -t 10m -o wide`,
    )
    .action((args: string[], flags: Flags) => routes(context, args, flags))
}

async function routes(context: CliContext, args: readonly string[], flags: Flags): Promise<void> {
  const resources = parseResources(args)
  const questions = resources.map((resource) => ({
    ...selectionParameters(resource, flags),
    ...windowParameter(flags),
  }))
  const client = openGateway(context, flags)
  const answers = await askAll<RoutesAnswer>(context, client, '/api/v1/routes', questions)
  const reasons = answers.map(({ empty }) => empty)
  const isEmpty = answers.every(({ rows }) => rows.length === 0)
  switch (flags.output) {
    case 'table':
    case 'wide': {
      const view = { detail: flags.output, withNamespace: spansNamespaces(flags) }
      for (const [i, { rows }] of answers.entries()) {
        if (rows.length === 0) continue
        const title = answers.length > 1 ? `==> ${shortResourceText(resources[i]!)} <==\n` : ''
        context.stdout.write(`${title}${routesTable(rows, view)}\n`)
      }
      break
    }
    case 'json':
      printJson(
        context,
        Object.fromEntries(
          answers.map(({ rows }, i) => [shortResourceText(resources[i]!), routesJson(rows)]),
        ),
      )
      break
  }
  for (const line of isEmpty ? emptyNote('No traffic found.', reasons) : reasonLines(reasons)) {
    note(context, line)
  }
}
