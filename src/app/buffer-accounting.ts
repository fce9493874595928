import { setFlagsFromString } from 'node:v8'

/** The V8 of Node 24, the first that has the flag, and the one that always does it, and complains of the flag on stderr. */
const SINCE = [13, 6] as const
const UNTIL = [14, 8] as const

/**
 * Lets V8 count buffers with the heap when it decides whether to collect all of it.
 *
 * Otherwise it collects all each time that 64 MiB of buffers were made, however short they live. Of ingest, whose heap is
 * small and whose messages are buffers, that is a third of the CPU; with it, ingest over gRPC takes 1.4 times as many spans,
 * in 40 MB more (bench/grpc-ingest.bench.ts). What piles up stays bounded by the heap's limit, and so by a container's: where
 * 20 MB of buffers live, 55 MB at most are there under a limit of 64 MiB, and under 1 GiB 157, or 173 without the flag.
 *
 * Node says of flags in general that one set after the start may have no effect or crash. V8 reads this one where it
 * compares sizes with limits, and keeps the same counters with it and without.
 */
export function countBuffersWithHeap(): void {
  if (hasFlag(process.versions.v8)) setFlagsFromString('--external-memory-accounted-in-global-limit')
}

/** Whether a V8, such as 13.6.233.17-node.53, knows the flag. */
export function hasFlag(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const isBefore = ([of, and]: readonly [number, number]): boolean =>
    major < of || (major === of && minor < and)
  return !isBefore(SINCE) && isBefore(UNTIL)
}
