/** Calls back once after `ms` milliseconds; what it returns cancels that. */
export type After = (ms: number, callback: () => void) => () => void

export const after: After = (ms, callback) => {
  const timer = setTimeout(callback, ms)
  return () => clearTimeout(timer)
}
