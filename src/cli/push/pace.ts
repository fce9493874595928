/**
 * How long to wait before the next batch so that no more than `perSecond` events a second are sent over the time since the
 * start.
 */
export function paceMs(sentEvents: number, elapsedMs: number, perSecond: number): number {
  return Math.max(0, (sentEvents / perSecond) * 1000 - elapsedMs)
}

/** Events of a batch at a rate: at least four batches a second, so that they come evenly. */
export function pacedBatch(events: number, perSecond: number | undefined): number {
  return perSecond === undefined ? events : Math.max(1, Math.min(events, Math.floor(perSecond / 4)))
}
