import { setFlagsFromString } from 'node:v8'

/** The first Node whose V8 knows the flag; an earlier one would complain of it on stderr. */
const SINCE_NODE = 24

/**
 * Lets V8 count buffers with the heap when it decides whether to collect all of it.
 *
 * Otherwise it collects all each time that 64 MiB of buffers were made, however short they live. Of ingest, whose heap is
 * small and whose messages are buffers, that is a third of the CPU; with it, ingest over gRPC takes 1.4 times as many spans,
 * in 40 MB more (bench/grpc-ingest.bench.ts).
 */
export function countBuffersWithHeap(): void {
  const [major = 0] = process.versions.node.split('.').map(Number)
  if (major >= SINCE_NODE) setFlagsFromString('--external-memory-accounted-in-global-limit')
}
