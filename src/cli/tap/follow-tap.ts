import type { TapAnswer } from '../../query/answer.ts'
import { CliError } from '../cli-error.ts'
import type { GatewayClient, QueryParameters } from '../gateway-client.ts'
import { printable } from '../printers/printable.ts'
import { runTapSession, type TapSessionEnd, type TapSessionOptions } from './tap-session.ts'

/** Numbers over all connections. */
export type TapTotals = Omit<TapAnswer, 'events' | 'replay'>

const NO_TOTALS: TapTotals = { seen: 0, matched: 0, sent: 0, dropped: 0, sampledOut: 0 }

export interface FollowTapOptions {
  readonly client: GatewayClient
  readonly parameters: QueryParameters
  readonly signal: AbortSignal
  /** How long to try to connect again. */
  readonly retryForMs: number
  /** `connection` counts them from 0. */
  readonly onFrame: (frame: TapAnswer, connection: number, totals: TapTotals) => void
  /** Something to tell about the connection. */
  readonly onNote: (line: string) => void
  readonly now: () => number
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>
  /** Uniform in [0, 1). */
  readonly random: () => number
  readonly timeouts?: Pick<TapSessionOptions, 'openMs' | 'silenceMs'>
}

const PATH = '/api/v1/tap'
const BACKOFF_MS = 250
const MAX_BACKOFF_MS = 10_000

/** RFC 6455: the endpoint does not accept what the other one does; connecting again changes nothing. */
const POLICY_VIOLATION = 1008

/**
 * Follows a tap until it is stopped, connecting again when a connection breaks. Throws where the first connection fails,
 * where no other can be had for `retryForMs`, or where the gateway does not want to.
 */
export async function followTap(options: FollowTapOptions): Promise<void> {
  const { client, parameters, signal, retryForMs, onNote, now, sleep, random, timeouts } = options
  const whole = client.urlOf(PATH, parameters).replace(/^http/, 'ws')
  // What was shown of the past is not shown again.
  const live = client.urlOf(PATH, { ...parameters, since: undefined, last: undefined }).replace(/^http/, 'ws')
  let isPastShown = false
  let isPastOpen = parameters['since'] !== undefined || parameters['last'] !== undefined
  let before = NO_TOTALS
  let connection = 0
  let attempt = 0
  let lostMs: number | undefined
  for (;;) {
    let current = NO_TOTALS
    let isOpen = false
    const end = await runTapSession({
      url: isPastShown ? live : whole,
      signal,
      ...timeouts,
      onOpen: () => {
        isOpen = true
        if (lostMs !== undefined) onNote(connectedAgain(now() - lostMs))
      },
      onFrame: (frame) => {
        current = frame
        attempt = 0
        isPastShown = true
        if (frame.replay?.state !== 'running') isPastOpen = false
        if (frame.replay?.state === 'cut') onNote(`the past is cut short: ${printable(frame.replay.reason)}`)
        options.onFrame(frame, connection, sum(before, current))
      },
    })
    before = sum(before, current)
    if (end.kind === 'stopped') return
    const problem = await problemOf(end, client, parameters)
    if (isOpen) {
      if (problem !== undefined) throw problem
      connection++
      lostMs = now()
      onNote(`lost the connection to ${client.url} (${textOf(end)}); connecting again`)
      if (isPastShown && isPastOpen) {
        isPastOpen = false
        onNote('the rest of the past is not shown')
      }
    } else if (problem !== undefined && (lostMs === undefined || problem.code === 'USAGE')) throw problem
    const backoffMs = Math.min(BACKOFF_MS * 2 ** attempt++, MAX_BACKOFF_MS) * (0.5 + random() / 2)
    if (lostMs !== undefined && now() + backoffMs - lostMs > retryForMs) {
      throw problem ?? client.unreachable(textOf(end))
    }
    await sleep(backoffMs, signal)
  }
}

/** What the end of a connection means, where it is more than that it broke. */
async function problemOf(
  end: Exclude<TapSessionEnd, { kind: 'stopped' }>,
  client: GatewayClient,
  parameters: QueryParameters,
): Promise<CliError | undefined> {
  switch (end.kind) {
    case 'unopened':
      // A websocket does not tell why it was refused; asking without one does.
      return (await client.refusalOf(PATH, parameters, 'application/x-ndjson')) ?? client.unreachable(end.why)
    case 'not-a-tap':
      return new CliError(
        'GATEWAY_ANSWER',
        `${client.url} sends something other than a tap: is it the address of a gateway? See --gateway`,
      )
    case 'closed':
      return end.code === POLICY_VIOLATION
        ? new CliError('GATEWAY_REFUSED', `${client.url} closed the tap: ${end.reason || `code ${end.code}`}`)
        : undefined
    case 'silent':
      return undefined
  }
}

function textOf(end: TapSessionEnd): string {
  switch (end.kind) {
    case 'closed':
      return end.reason === '' ? `code ${end.code}` : end.reason
    case 'silent':
      return 'it fell silent'
    case 'unopened':
      return end.why
    case 'stopped':
    case 'not-a-tap':
      return end.kind
  }
}

function connectedAgain(afterMs: number): string {
  return `connected again after ${(afterMs / 1000).toFixed(1)} s; requests of that time are not shown`
}

function sum(a: TapTotals, b: TapTotals): TapTotals {
  return {
    seen: a.seen + b.seen,
    matched: a.matched + b.matched,
    sent: a.sent + b.sent,
    dropped: a.dropped + b.dropped,
    sampledOut: a.sampledOut + b.sampledOut,
  }
}
