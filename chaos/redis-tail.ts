import { readdirSync, readFileSync, statSync, truncateSync } from 'node:fs'
import { join } from 'node:path'

/** Setting of Redis that writes the time into its file: what `cutTail` goes by. */
export const WITH_TIMESTAMPS = { 'aof-timestamp-enabled': 'yes' } as const

/**
 * Cuts the last `seconds` off the append-only file of a Redis that does not run, in the middle of a command if it comes
 * so, as a machine does that loses its power. Answers how many bytes that were.
 */
export function cutTail(directory: string, seconds: number, next: () => number): number {
  const appendOnly = join(directory, 'appendonlydir')
  const newest = readdirSync(appendOnly)
    .filter((name) => name.endsWith('.incr.aof'))
    .sort((a, b) => sequenceOf(a) - sequenceOf(b))
    .at(-1)
  if (newest === undefined) throw new Error(`${appendOnly} has no append-only file`)
  const file = join(appendOnly, newest)
  const bytes = readFileSync(file)
  const end = cutAt(bytes, seconds)
  // Somewhere in what follows, so that a command is cut and not only commands are missing.
  const torn = Math.min(statSync(file).size, end + Math.floor(next() * 200))
  truncateSync(file, torn)
  return bytes.length - torn
}

function sequenceOf(name: string): number {
  return Number(/\.(\d+)\.incr\.aof$/.exec(name)?.[1] ?? 0)
}

/** Where the last time mark is that is `seconds` older than the newest. */
function cutAt(bytes: Buffer, seconds: number): number {
  let newest: number | undefined
  for (let at = bytes.lastIndexOf('#TS:'); at >= 0; at = at > 0 ? bytes.lastIndexOf('#TS:', at - 1) : -1) {
    const time = Number(/^#TS:(\d+)\r\n/.exec(bytes.subarray(at, at + 24).toString('latin1'))?.[1])
    if (Number.isNaN(time)) continue
    newest ??= time
    if (time <= newest - seconds) return at
  }
  return 0
}
