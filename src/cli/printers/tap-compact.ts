import type { TapEnd, TapEvent } from '../tap/tap-event.ts'
import { fitted, padEnd } from './display-width.ts'
import { grpcStatusName } from './grpc-status.ts'
import { byteSize, goDuration } from './number-format.ts'
import type { Paint } from './paint.ts'
import { printable } from './printable.ts'

export interface TapCompactOptions {
  readonly paint: Paint
  /** Ends of this namespace are shown without it. */
  readonly namespace?: string
}

/** Names wider than this push their line to the right instead of all others. */
const MAX_NAME_WIDTH = 32

/** Prints a request on one line for people: time in UTC, direction, who to whom, what, status, latency, size. */
export class TapCompact {
  readonly #paint: Paint
  readonly #namespace: string | undefined
  /** The widest names so far: columns only ever grow. */
  #sourceWidth = 0
  #destinationWidth = 0

  constructor({ paint, namespace }: TapCompactOptions) {
    this.#paint = paint
    this.#namespace = namespace
  }

  print(event: TapEvent): string {
    const paint = this.#paint
    const source = this.#name(event.source)
    const destination = this.#name(event.destination)
    this.#sourceWidth = grown(this.#sourceWidth, source)
    this.#destinationWidth = grown(this.#destinationWidth, destination)
    const call = [event.method, `${event.authority}${event.path}`]
      .filter((text) => text !== '')
      .map(printable)
    const fields = [
      paint('dim', timeOfDay(event.time)),
      paint('dim', event.direction === 'inbound' ? 'in ' : 'out'),
      `${padEnd(source, this.#sourceWidth)} ${paint('dim', '→')} ${padEnd(destination, this.#destinationWidth)}`,
      call.length === 0 ? '-' : call.join(' '),
      statusText(event, paint),
      goDuration(event.latencyMicros / 1000),
      byteSize(event.responseBytes),
    ]
    return `${fields.join('  ')}\n`
  }

  #name({ namespace, name, service, pod, ip }: TapEnd): string {
    const own = printable(name ?? service ?? pod ?? ip ?? '-')
    return namespace === undefined || namespace === this.#namespace ? own : `${printable(namespace)}/${own}`
  }
}

function grown(width: number, name: string): number {
  // Escaped names are plain text, whose width is its length but for wide characters.
  return Math.max(width, Math.min(fitted(name, MAX_NAME_WIDTH).length, MAX_NAME_WIDTH))
}

/** `10:00:00.123Z` of an RFC 3339 time in UTC. */
function timeOfDay(time: string): string {
  const [, clock = time] = /T(\S+)$/.exec(time) ?? []
  return printable(clock)
}

function statusText(event: TapEvent, paint: Paint): string {
  const { status, grpcStatus, isReset, isFailure, reason } = event
  const parts = [
    ...(status === undefined ? [] : [String(status)]),
    ...(grpcStatus === undefined ? [] : [grpcStatusName(grpcStatus)]),
    ...(isReset ? ['reset'] : []),
    ...(reason === '' ? [] : [`(${printable(reason)})`]),
  ]
  const text = parts.length === 0 ? '-' : parts.join(' ')
  if (isFailure) return paint('red', text)
  if (status === undefined) return text
  if (status >= 400) return paint('yellow', text)
  return status >= 300 ? paint('cyan', text) : paint('green', text)
}
