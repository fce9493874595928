/** Pretends to work: resolves after a while that is mostly short and now and then long. */
export type Work = () => Promise<void>

const MEDIAN_MS = 2
const SLOW_SHARE = 0.02

/** A log-normal time around 2 ms, and one in fifty 30 to 120 ms. `random` is uniform in [0, 1). */
export function pretendedWork(random: () => number): Work {
  return () => {
    const ms = random() < SLOW_SHARE ? 30 + 90 * random() : MEDIAN_MS * Math.exp(0.6 * gaussian(random))
    return new Promise((resolve) => setTimeout(resolve, ms))
  }
}

/** Standard normal, by Box and Muller's method. */
function gaussian(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
}
