import type { TapAnswer } from '../../query/answer.ts'
import { CliError } from '../cli-error.ts'
import type { GatewayClient, QueryParameters } from '../gateway-client.ts'
import { printable } from '../printers/printable.ts'
import { hasOtherToken } from '../live/other-token.ts'
import { type Resumption, TapSeam } from './tap-seam.ts'
import { CLOSE_CODES, runTapSession, type TapSessionEnd, type TapSessionOptions } from './tap-session.ts'

/** Numbers over all connections. */
export type TapTotals = Omit<TapAnswer, 'events' | 'replay' | 'narrowedTo'>

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

/** Tries to have what was missed from a gateway that is too busy for it. */
const PAST_TRIES = 5

/**
 * Follows a tap until it is stopped, connecting again when a connection breaks: then with what was missed, where the
 * gateway has it. Throws where the first connection fails, where no other can be had for `retryForMs`, or where the
 * gateway does not want to.
 */
export async function followTap(options: FollowTapOptions): Promise<void> {
  const { client, parameters, signal, retryForMs, onNote, now, sleep, random, timeouts } = options
  // What was shown of the past is not shown again.
  const live = { ...parameters, since: undefined, last: undefined }
  const seam = new TapSeam()
  let isShown = false
  let isPastOpen = parameters['since'] !== undefined || parameters['last'] !== undefined
  let before = NO_TOTALS
  let connection = 0
  let attempt = 0
  let pastTries = 0
  let lostMs: number | undefined
  for (;;) {
    const resumption = lostMs === undefined || !isShown ? undefined : seam.resumption(now())
    const since = resumption?.kind === 'with-past' ? resumption.since : undefined
    const asked = isShown ? { ...live, since } : parameters
    const request = await client.stream(PATH, asked)
    let current = NO_TOTALS
    let isOpen = false
    seam.begin()
    const end = await runTapSession({
      request,
      signal,
      ...timeouts,
      onOpen: () => {
        isOpen = true
        if (lostMs !== undefined) onNote(connectedAgain(now() - (seam.wholeMs ?? lostMs), resumption))
      },
      onFrame: (frame) => {
        const events = seam.take(frame, now())
        current = withoutRepeated(frame, seam.repeated)
        attempt = 0
        pastTries = 0
        isShown = true
        if (frame.replay?.state !== 'running') isPastOpen = false
        if (frame.replay?.state === 'cut') onNote(`the past is cut short: ${printable(frame.replay.reason)}`)
        options.onFrame({ ...frame, events }, connection, sum(before, current))
      },
    })
    before = sum(before, current)
    if (end.kind === 'stopped') return
    const problem = await problemOf(end, client, asked)
    if (isOpen) {
      connection++
      lostMs = now()
    }
    if (lostMs !== undefined && problem?.code === 'TOKEN_REFUSED') {
      if (isOpen) onNote(`lost the connection to ${client.url} (${textOf(end)})`)
      if (await hasOtherToken(client, request, signal, sleep)) continue
      if (signal.aborted) return
      throw problem
    }
    if (isOpen) {
      if (problem !== undefined) throw problem
      onNote(`lost the connection to ${client.url} (${textOf(end)}); connecting again`)
      if (isShown && isPastOpen) {
        isPastOpen = false
        onNote('the rest of the past is not shown')
      }
    } else if (problem !== undefined && since !== undefined && isAboutPast(problem, ++pastTries)) {
      seam.giveUpPast(problem.message, { isForGood: !isBusy(problem) })
      continue
    } else if (problem !== undefined && (lostMs === undefined || isFinal(problem))) throw problem
    const backoffMs = Math.min(BACKOFF_MS * 2 ** attempt++, MAX_BACKOFF_MS) * (0.5 + random() / 2)
    if (lostMs !== undefined && now() + backoffMs - lostMs > retryForMs) {
      throw problem ?? client.unreachable(textOf(end))
    }
    await sleep(backoffMs, signal)
  }
}

/** Whether asking again is answered in the same way. */
function isFinal({ code }: CliError): boolean {
  return code === 'USAGE' || code === 'GRANT_MISSING'
}

/** Whether a refusal is for what of the past was asked for, so that a live tap may be had. */
function isAboutPast(error: CliError, tries: number): boolean {
  if (isBusy(error)) return tries >= PAST_TRIES
  return error.code === 'USAGE' || error.problem === 'NO_REPLAY'
}

function isBusy({ problem }: CliError): boolean {
  return problem === 'TAP_LIMIT' || problem === 'LOG_UNAVAILABLE'
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
      switch (end.code) {
        case CLOSE_CODES.policyViolation:
          return new CliError('GATEWAY_REFUSED', `${client.url} closed the tap: ${textOf(end)}`)
        case CLOSE_CODES.tokenRefused:
          return client.tokenRefused(end.reason)
        default:
          return undefined
      }
    case 'silent':
      return undefined
  }
}

function textOf(end: TapSessionEnd): string {
  switch (end.kind) {
    case 'closed':
      return end.reason === '' ? `code ${end.code}` : printable(end.reason)
    case 'silent':
      return 'it fell silent'
    case 'unopened':
      return end.why
    case 'stopped':
    case 'not-a-tap':
      return end.kind
  }
}

function connectedAgain(afterMs: number, resumption: Resumption | undefined): string {
  const after = `connected again after ${(afterMs / 1000).toFixed(1)} s`
  if (resumption === undefined) return after
  return resumption.kind === 'with-past'
    ? `${after}; requests of that time come first`
    : `${after}; requests of that time are not shown: ${resumption.why}`
}

/** What was sent twice counts once. How many were looked at for it twice is not known. */
function withoutRepeated(
  { seen, matched, sent, dropped, sampledOut }: TapAnswer,
  repeated: number,
): TapTotals {
  return { seen, matched: matched - repeated, sent: sent - repeated, dropped, sampledOut }
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
