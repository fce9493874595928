import { type Command, Option } from 'commander'
import type { ReasonsAnswer, StatAnswer } from '../../query/answer.ts'
import { askAll } from '../ask.ts'
import { type CliContext, note } from '../context.ts'
import type { QueryParameters } from '../gateway-client.ts'
import { addTableOutput, type OutputFlags, printJson } from '../output.ts'
import { printableJson } from '../printers/printable.ts'
import { emptyNote, reasonLines } from '../printers/notes.ts'
import { statJson, statTables } from '../printers/stat-printer.ts'
import { reasonJson, reasonTables } from '../printers/stat-reasons.ts'
import type { StatView } from '../printers/stat-tables.ts'
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

type Flags = SelectionFlags &
  WindowFlags &
  OutputFlags &
  GatewayFlags & { readonly watch?: true; readonly by: (typeof ROWS)[number] }

/** What rows can be by. */
const ROWS = ['resource', 'reason'] as const

export function configure(command: Command, context: CliContext): void {
  command
    .description(
      'Success rate, request rate, latency and connections of resources: of what they receive, with --to of what they ' +
        'send there, with --from of what they receive from there.',
    )
    .argument('[resources...]', 'TYPE, TYPE NAME..., or TYPE/NAME...; or all')
  addSelectionOptions(command)
  addWindowOptions(command)
  command.addOption(
    new Option('--by <what>', 'rows by resource, or by resource and the reason that requests ended for')
      .choices(ROWS)
      .default('resource' satisfies (typeof ROWS)[number]),
  )
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
  meshtap stat deploy -n emojivoto --by reason
  meshtap stat all -o wide`,
    )
    .action((args: string[], flags: Flags) => stat(context, args, flags))
}

async function stat(context: CliContext, args: readonly string[], flags: Flags): Promise<void> {
  if (flags.by === 'reason') await show(context, args, flags, BY_REASON)
  else await show(context, args, flags, BY_RESOURCE)
}

/** How answers of a kind are printed. */
interface Format<A extends StatAnswer | ReasonsAnswer> {
  readonly parameters: QueryParameters
  readonly tables: (rows: readonly A['rows'][number][], view: StatView) => string
  readonly json: (rows: readonly A['rows'][number][]) => object
}

const BY_RESOURCE: Format<StatAnswer> = { parameters: {}, tables: statTables, json: statJson }
const BY_REASON: Format<ReasonsAnswer> = {
  parameters: { by: 'reason' },
  tables: reasonTables,
  json: reasonJson,
}

async function show<A extends StatAnswer | ReasonsAnswer>(
  context: CliContext,
  args: readonly string[],
  flags: Flags,
  format: Format<A>,
): Promise<void> {
  const resources = parseResources(args)
  const questions = resources.map((resource) => ({
    ...selectionParameters(resource, flags),
    ...windowParameter(flags),
    ...format.parameters,
  }))
  const client = openGateway(context, flags)
  if (flags.watch === true) {
    const { watchStat } = await import('../live/watch-stat.ts')
    const text = (answers: readonly A[]): string => textOf(answers, flags, format)
    await watchStat<A>(context, { client, questions, text })
    return
  }
  const answers = await askAll<A>(context, client, '/api/v1/stat', questions)
  const rows = rowsOf(answers)
  const reasons = answers.map(({ empty }) => empty)
  const lines = rows.length === 0 ? emptyNote('No traffic found.', reasons) : reasonLines(reasons)
  if (flags.output === 'json') printJson(context, format.json(rows))
  else context.stdout.write(textOf(answers, flags, format))
  for (const line of lines) note(context, line)
}

/** JSON is one line. */
function textOf<A extends StatAnswer | ReasonsAnswer>(
  answers: readonly A[],
  flags: Flags,
  { tables, json }: Format<A>,
): string {
  const rows = rowsOf(answers)
  if (flags.output === 'json') return `${printableJson(JSON.stringify(json(rows)))}\n`
  if (rows.length === 0) return ''
  return tables(rows, { detail: flags.output, withNamespace: spansNamespaces(flags) })
}

function rowsOf<A extends StatAnswer | ReasonsAnswer>(answers: readonly A[]): A['rows'][number][] {
  return answers.flatMap((answer): readonly A['rows'][number][] => answer.rows)
}
