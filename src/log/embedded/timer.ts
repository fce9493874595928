/** Runs `run` once, `ms` from now; answers how to call it off. */
export type Timer = (ms: number, run: () => void) => () => void

/** The clock's own timer. Keeps no process alive. */
export function systemTimer(ms: number, run: () => void): () => void {
  const timeout = setTimeout(run, ms).unref()
  return () => clearTimeout(timeout)
}
