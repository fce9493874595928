import { redisFailure } from '../../redis/redis-failure.ts'
import { TapBusError } from '../tap-bus.ts'

const RETRY_MS = 50

export function closed(): TapBusError {
  return new TapBusError('TAP_BUS_CLOSED', 'the tap bus is closed')
}

export function unavailable(cause: unknown): TapBusError {
  const why = redisFailure(cause)?.reason ?? (cause instanceof Error ? cause.message : String(cause))
  return new TapBusError('TAP_BUS_UNAVAILABLE', `taps cannot be carried: ${why}`, { cause })
}

/** Settles as a promise does, or rejects when the time is over. */
export async function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`Redis did not answer within ${Math.round(ms)} ms`)), ms)
  })
  try {
    return await Promise.race([promise, timeout])
  } finally {
    clearTimeout(timer)
  }
}

/**
 * Tries what may be done twice again while Redis is away, until it is done or the time is over. Rejects with a
 * `TapBusError`, at once where trying again cannot help.
 */
export async function attempt<T>(
  timeoutMs: number,
  isClosed: () => boolean,
  run: () => Promise<T>,
): Promise<T> {
  const endMs = performance.now() + timeoutMs
  for (;;) {
    try {
      return await within(Math.max(1, endMs - performance.now()), run())
    } catch (error) {
      if (isClosed()) throw closed()
      const mayPass = redisFailure(error)?.kind === 'unavailable'
      if (!mayPass || performance.now() + RETRY_MS >= endMs) throw unavailable(error)
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
    }
  }
}
