/** Calls back every `ms` milliseconds until what it returns is called. */
export type Every = (ms: number, callback: () => void) => () => void

/** Calls back once after `ms` milliseconds; what it returns cancels that. */
export type After = (ms: number, callback: () => void) => () => void

/** Neither keeps a process alive: what waits for them does. */
export const every: Every = (ms, callback) => {
  const timer = setInterval(callback, ms).unref()
  return () => clearInterval(timer)
}

export const after: After = (ms, callback) => {
  const timer = setTimeout(callback, ms).unref()
  return () => clearTimeout(timer)
}

/** Resolves after `ms` milliseconds. Does not keep a process alive. */
export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => after(ms, resolve))
}
