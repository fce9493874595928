import type { TapAnswer } from '../../query/answer.ts'
import type { StreamRequest } from '../gateway-client.ts'

/** Codes that a gateway closes streams with that it does not want to go on with. */
export const CLOSE_CODES = {
  /** RFC 6455: it does not accept what was sent; connecting again changes nothing. */
  policyViolation: 1008,
  /** The token has expired, or was withdrawn. */
  tokenRefused: 4401,
  /** What the token grants has changed. */
  grantChanged: 4403,
} as const

/** How one connection to a tap ended. */
export type TapSessionEnd =
  /** From here. */
  | { readonly kind: 'stopped' }
  /** There never was one. */
  | { readonly kind: 'unopened'; readonly why: string }
  | { readonly kind: 'closed'; readonly code: number; readonly reason: string }
  /** The gateway sends a frame every second: one that is silent for much longer is gone. */
  | { readonly kind: 'silent' }
  | { readonly kind: 'not-a-tap' }

export interface StreamSessionOptions<T> {
  readonly request: StreamRequest
  readonly signal: AbortSignal
  readonly onOpen: () => void
  /** Undefined for a message that is none of such a stream. */
  readonly read: (text: string) => T | undefined
  readonly onFrame: (frame: T) => void
  readonly openMs?: number
  readonly silenceMs?: number
}

export type TapSessionOptions = Omit<StreamSessionOptions<TapAnswer>, 'read'>

export function runTapSession(options: TapSessionOptions): Promise<TapSessionEnd> {
  return runSession({ ...options, read: frameOf })
}

/** Reads one websocket to its end. Never rejects. */
export function runSession<T>(options: StreamSessionOptions<T>): Promise<TapSessionEnd> {
  const { request, signal, onOpen, read, onFrame, openMs = 10_000, silenceMs = 15_000 } = options
  if (signal.aborted) return Promise.resolve({ kind: 'stopped' })
  return new Promise((resolve) => {
    const socket = new WebSocket(request.url, { headers: request.headers })
    let isOpen = false
    let isDone = false
    let why = 'the connection failed'
    const finish = (end: TapSessionEnd): void => {
      if (isDone) return
      isDone = true
      clearTimeout(watchdog)
      signal.removeEventListener('abort', stop)
      socket.close()
      resolve(end)
    }
    const stop = (): void => finish({ kind: 'stopped' })
    const watch = (ms: number, end: TapSessionEnd): NodeJS.Timeout => setTimeout(() => finish(end), ms)
    let watchdog = watch(openMs, { kind: 'unopened', why: `no answer in ${openMs / 1000} s` })
    const rewatch = (): void => {
      clearTimeout(watchdog)
      watchdog = watch(silenceMs, { kind: 'silent' })
    }

    signal.addEventListener('abort', stop)
    socket.addEventListener('open', () => {
      isOpen = true
      rewatch()
      onOpen()
    })
    socket.addEventListener('message', ({ data }: { readonly data: unknown }) => {
      if (isDone) return
      rewatch()
      const frame = typeof data === 'string' ? read(data) : undefined
      if (frame === undefined) finish({ kind: 'not-a-tap' })
      else onFrame(frame)
    })
    socket.addEventListener('error', (event) => {
      const message = 'message' in event && typeof event.message === 'string' ? event.message : ''
      if (message !== '') why = message
    })
    socket.addEventListener('close', ({ code, reason }) => {
      finish(isOpen ? { kind: 'closed', code, reason } : { kind: 'unopened', why })
    })
  })
}

const COUNTS = ['seen', 'matched', 'sent', 'dropped', 'sampledOut'] as const

function frameOf(data: string): TapAnswer | undefined {
  try {
    const frame = JSON.parse(data) as Partial<TapAnswer> | null
    const isFrame =
      frame !== null && Array.isArray(frame.events) && COUNTS.every((name) => typeof frame[name] === 'number')
    return isFrame ? (frame as TapAnswer) : undefined
  } catch {
    return undefined
  }
}
