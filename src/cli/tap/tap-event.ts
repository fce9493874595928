import { classify } from '../../event/classification.ts'
import type { TapEventAnswer } from '../../query/answer.ts'

/** One end of a tapped request; what is not known is left out. */
export interface TapEnd {
  readonly cluster?: string
  readonly namespace?: string
  readonly kind?: string
  readonly name?: string
  readonly pod?: string
  readonly service?: string
  readonly ip?: string
  readonly port?: number
  readonly identity?: string
}

/** What the printers show of a tapped request. */
export interface TapEvent {
  readonly time: string
  readonly direction: 'inbound' | 'outbound'
  readonly source: TapEnd
  readonly destination: TapEnd
  readonly tls?: boolean
  readonly method: string
  readonly authority: string
  readonly path: string
  readonly route: string
  readonly reason: string
  readonly status?: number
  readonly grpcStatus?: number
  readonly isReset: boolean
  readonly isFailure: boolean
  readonly latencyMicros: number
  readonly responseBytes: number
}

const END_TEXTS = ['cluster', 'namespace', 'kind', 'name', 'pod', 'service', 'ip', 'identity'] as const

/** Takes an event apart. Fields of a type that they cannot have count as unknown: an event is shown in any case. */
export function tapEventOf(answer: TapEventAnswer): TapEvent {
  const status = numberOf(answer['status'])
  const grpcStatus = numberOf(answer['grpcStatus'])
  const isReset = answer['reset'] === true
  const { tls } = answer
  return {
    time: answer.time,
    direction: answer.direction,
    source: endOf(answer['source']),
    destination: endOf(answer['destination']),
    ...(typeof tls === 'boolean' ? { tls } : {}),
    method: textOf(answer['method']),
    authority: textOf(answer['authority']),
    path: textOf(answer['path']),
    route: textOf(answer['route']),
    reason: textOf(answer['reason']),
    ...(status === undefined ? {} : { status }),
    ...(grpcStatus === undefined ? {} : { grpcStatus }),
    isReset,
    isFailure: classify(status ?? -1, grpcStatus ?? -1, isReset) === 'failure',
    latencyMicros: numberOf(answer['latencyMicros']) ?? 0,
    responseBytes: numberOf(answer['responseBytes']) ?? 0,
  }
}

function endOf(value: unknown): TapEnd {
  if (typeof value !== 'object' || value === null) return {}
  const fields = value as Readonly<Record<string, unknown>>
  const port = numberOf(fields['port'])
  return {
    ...Object.fromEntries(
      END_TEXTS.flatMap((name) => {
        const text = textOf(fields[name])
        return text === '' ? [] : [[name, text]]
      }),
    ),
    ...(port === undefined ? {} : { port }),
  }
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined
}
