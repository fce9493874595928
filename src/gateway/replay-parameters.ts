import { parseRfc3339 } from '../event/rfc3339.ts'
import { quoted, RequestError } from '../event/request-error.ts'
import { spanMs } from '../query/parameters.ts'
import { MOST_LAST, type ReplayRequest } from '../tap/tap-replay.ts'

/** No log that is replayed is longer than what is answered from rollups. */
const MOST_SINCE_MS = 7 * 86_400_000

export interface ReplayParameters {
  readonly replay?: ReplayRequest
  /** The other parameters. */
  readonly others: Readonly<Record<string, string>>
}

/** Takes `since` and `last` out of a tap's parameters. Throws a `RequestError` where one cannot be read. */
export function replayParameters(
  parameters: Readonly<Record<string, string>>,
  nowMs: number,
): ReplayParameters {
  const { since, last, ...others } = parameters
  if (since === undefined && last === undefined) return { others }
  return {
    replay: {
      ...(since === undefined ? {} : { sinceMs: parseSince(since, nowMs) }),
      ...(last === undefined ? {} : { last: parseLast(last) }),
    },
    others,
  }
}

function parseSince(text: string, nowMs: number): number {
  const span = spanMs(text)
  const sinceMs = span === undefined ? parseTime(text) : nowMs - span
  if (sinceMs < nowMs - MOST_SINCE_MS) {
    throw new RequestError('since', `${quoted(text)} is too long ago; at most 7d are replayed`)
  }
  if (sinceMs > nowMs) throw new RequestError('since', `${quoted(text)} is in the future`)
  return sinceMs
}

function parseTime(text: string): number {
  const bytes = new TextEncoder().encode(text)
  const timeMs = bytes.length > 64 ? Number.NaN : parseRfc3339(bytes, 0, bytes.length)
  if (Number.isNaN(timeMs)) {
    throw new RequestError(
      'since',
      `${quoted(text)} is neither a span of time, such as 5m or 1h30m, nor a time such as 2026-11-24T10:00:00Z`,
    )
  }
  return timeMs
}

function parseLast(text: string): number {
  const last = /^\d{1,9}$/.test(text) ? Number(text) : 0
  if (last < 1 || last > MOST_LAST) {
    throw new RequestError('last', `${quoted(text)} is no number of events from 1 to ${MOST_LAST}`)
  }
  return last
}
