import { type Command, Option } from 'commander'
import type { TopAnswer } from '../../query/answer.ts'
import { askAll } from '../ask.ts'
import { usageError } from '../cli-error.ts'
import { type CliContext, note } from '../context.ts'
import { wholeNumberFlag } from '../flag-values.ts'
import type { QueryParameters } from '../gateway-client.ts'
import { printJson } from '../output.ts'
import { emptyNote } from '../printers/notes.ts'
import { topJson, topTable } from '../printers/top-printer.ts'
import {
  addSelectionOptions,
  addWindowOptions,
  type SelectionFlags,
  selectionParameters,
  type WindowFlags,
  windowParameter,
} from '../query-flags.ts'
import { parseResources, shortResourceText } from '../resources.ts'
import { addGatewayOptions, type GatewayFlags, openGateway } from '../servers.ts'

interface Flags extends SelectionFlags, WindowFlags, GatewayFlags {
  readonly routes?: true
  readonly hideSources?: true
  readonly method?: string
  readonly path?: string
  readonly limit: number
  readonly once?: true
  readonly output: 'table' | 'json'
}

export function configure(command: Command, context: CliContext): void {
  command
    .description(
      'The calls with most requests in the window: of those that the resource receives, or with --to of those that it ' +
        'sends there. Live on a terminal; else printed once.',
    )
    .argument(
      '[resource...]',
      'TYPE, TYPE NAME, or TYPE/NAME of a workload, a namespace or a cluster; or all',
    )
  addSelectionOptions(command)
  addWindowOptions(command)
  command
    .option('--routes', 'by route, with quantiles, instead of by path')
    .option('--hide-sources', 'sum over sources')
    .option('--method <method>', 'only this method')
    .option('--path <prefix>', 'only paths (or routes) that begin so')
    .addOption(new Option('--limit <rows>', 'most rows').argParser(wholeNumberFlag(1, 1000)).default(100))
    .option('--once', 'print once, and end')
    .addOption(
      new Option('-o, --output <format>', 'table or json, which is printed once')
        .choices(['table', 'json'])
        .default('table'),
    )
  addGatewayOptions(command)
  command
    .addHelpText(
      'after',
      `
A count such as 325±12 may be up to 12 too high: paths are counted in bounded memory, exactly as long as they fit. By
route all counts are exact.

Examples:
  meshtap top deploy/web -n emojivoto
  meshtap top deploy/web -n emojivoto --routes --hide-sources -t 10m
  meshtap top ns/emojivoto --once -o json`,
    )
    .action((args: string[], flags: Flags) => top(context, args, flags))
}

async function top(context: CliContext, args: readonly string[], flags: Flags): Promise<void> {
  const [resource, ...others] = parseResources(args)
  if (others.length > 0) throw usageError('top has one resource: give TYPE/NAME, or TYPE for all of it')
  const by = flags.routes ? 'route' : 'path'
  const parameters: QueryParameters = {
    ...selectionParameters(resource, flags),
    ...windowParameter(flags),
    by,
    limit: String(flags.limit),
    method: flags.method,
    path: flags.path,
  }
  const client = openGateway(context, flags)
  const view = { by, hideSources: flags.hideSources === true, namespace: flags.namespace } as const
  if (context.isInteractive && !flags.once && flags.output === 'table') {
    const { liveTop } = await import('../top/live-top.ts')
    const where = flags.namespace === undefined ? '' : ` in ${flags.namespace}`
    const title = `meshtap top ${resource === undefined ? '' : shortResourceText(resource)}${where}`
    await liveTop(context, { client, parameters, state: { title, ...view } })
    return
  }
  const [answer] = await askAll<TopAnswer>(context, client, '/api/v1/top', [parameters])
  const { rows, empty } = answer!
  if (flags.output === 'json') printJson(context, topJson(rows, view))
  else if (rows.length > 0) context.stdout.write(topTable(rows, view))
  if (rows.length === 0) for (const line of emptyNote('No traffic found.', [empty])) note(context, line)
}
