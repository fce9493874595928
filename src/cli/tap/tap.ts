import type { StatAnswer } from '../../query/answer.ts'
import { usageError } from '../cli-error.ts'
import { type CliContext, note } from '../context.ts'
import type { GatewayClient, QueryParameters } from '../gateway-client.ts'
import { narrowingNote, reasonLines } from '../printers/notes.ts'
import { type SelectionFlags, selectionParameters } from '../query-flags.ts'
import { parseResources } from '../resources.ts'
import { type GatewayFlags, openGateway } from '../servers.ts'
import { sleep, untilStopped } from '../stop-signal.ts'
import { followTap, type TapTotals } from './follow-tap.ts'
import { TapNotes, tapSummary } from './tap-notes.ts'
import { TapOutput, type TapOutputFlags } from './tap-output.ts'

export interface TapFlags extends SelectionFlags, GatewayFlags, TapOutputFlags {
  readonly direction?: string
  readonly method?: string
  readonly authority?: string
  readonly path?: string
  readonly status?: string
  readonly minLatency?: string
  readonly header?: string
  readonly maxRps: string
  readonly since?: string
  readonly last?: string
  /** Milliseconds. */
  readonly duration?: number
  /** Milliseconds. */
  readonly retryFor: number
}

/** A tap that shows nothing for so long says why. */
const QUIET_MS = 5000

/** Prints what a tap sees until it is told to stop, then what it saw in numbers. */
export async function tap(context: CliContext, args: readonly string[], flags: TapFlags): Promise<void> {
  const parameters = tapParameters(args, flags)
  const client = openGateway(context, flags)
  const output = new TapOutput(context, flags)
  const notes = new TapNotes(flags.maxRps, (line) => note(context, line))
  let totals: TapTotals | undefined
  let narrowing: string | undefined
  const quiet = setTimeout(() => {
    if (totals?.matched === 0) void sayWhyQuiet(context, client, parameters, totals.seen)
  }, QUIET_MS).unref()
  try {
    await untilStopped((stop) =>
      followTap({
        client,
        parameters,
        signal: AbortSignal.any([
          stop,
          output.enough,
          ...(flags.duration === undefined ? [] : [AbortSignal.timeout(flags.duration)]),
        ]),
        retryForMs: flags.retryFor,
        onFrame: (frame, connection, sums) => {
          totals = sums
          const narrowed = narrowingNote(frame)
          if (narrowed !== undefined && narrowed !== narrowing) note(context, (narrowing = narrowed))
          output.print(frame, connection)
          notes.update(sums, output.unprinted, context.now())
        },
        onNote: (line) => note(context, line),
        now: context.now,
        sleep,
        random: Math.random,
      }),
    )
  } finally {
    clearTimeout(quiet)
    if (totals !== undefined) note(context, tapSummary(totals, output.unprinted))
  }
}

function tapParameters(args: readonly string[], flags: TapFlags): QueryParameters {
  const [resource, ...others] = args.length === 0 ? [undefined] : parseResources(args)
  if (others.length > 0) throw usageError('a tap has one resource: give TYPE/NAME, or TYPE for all of it')
  return {
    ...selectionParameters(resource, flags),
    direction: flags.direction,
    method: flags.method,
    authority: flags.authority,
    path: flags.path,
    status: flags.status,
    min_latency: flags.minLatency,
    header: flags.header,
    max_rps: flags.maxRps,
    since: flags.since,
    last: flags.last,
  }
}

/** Nothing matched so far: says whether the resource is known at all. Only a hint, so its failures do not matter. */
async function sayWhyQuiet(
  context: CliContext,
  client: GatewayClient,
  { resource, namespace, cluster }: QueryParameters,
  seen: number,
): Promise<void> {
  const question = { resource: resource ?? 'all', namespace, cluster, window: '1m' }
  const stat = await client.get<StatAnswer>('/api/v1/stat', question).catch(() => undefined)
  const reasons = reasonLines([stat?.answer.empty])
  const lines = reasons.length > 0 ? reasons : ['No request that matches so far.']
  note(context, `${lines.join(' ')} ${seen} events were seen.`)
}
