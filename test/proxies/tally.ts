import type { MeshEvent, RequestEvent } from '../../src/event/event.ts'
import { GRPC_STATUSES, type Served } from './emoji-servers.ts'
import type { Seen } from './load.ts'

/** Counts by what is counted. */
export type Tally = Readonly<Record<string, number>>

/** Counts, in order of what is counted, so that two of them can be compared. */
export function tally(items: Iterable<string>): Tally {
  const counts = new Map<string, number>()
  for (const item of items) counts.set(item, (counts.get(item) ?? 0) + 1)
  return Object.fromEntries([...counts].sort(([a], [b]) => (a < b ? -1 : 1)))
}

export function total(counts: Tally): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0)
}

/** The requests among events, of one direction. */
export function requestsOf(events: readonly MeshEvent[], direction: 'inbound' | 'outbound'): RequestEvent[] {
  return events.filter((event) => event.kind === 'request').filter((event) => event.direction === direction)
}

/** A request in words: its path, how it ended, and why. */
export function wordsOf({ path, status, grpcStatus, reset, reason }: RequestEvent): string {
  const ended = [
    status,
    grpcStatus === undefined ? undefined : `grpc ${grpcStatus}`,
    reset ? 'reset' : undefined,
    reason,
  ]
  return [path, ...ended].filter((word) => word !== undefined).join(' ')
}

/** The same without which one it was: `/ok 200`. */
export function kindOf(words: string): string {
  return words.replace(/\/\d+ /, ' ')
}

/** Words of what the clients of Envoy saw. */
export function* seenWords(seen: ReadonlyMap<string, readonly Seen[]>): Iterable<string> {
  for (const [path, endings] of seen)
    for (const ending of endings) yield `${path} ${seenEnding(path, ending)}`
}

/** Envoy's flags for what clients see it do. */
const SEEN_REASONS: Readonly<Record<string, string>> = {
  down: ' URX',
  reset: ' URX',
  hang: ' UT',
  dead: ' UF',
}

function seenEnding(path: string, seen: Seen): string {
  if (isGrpc(path)) return `200 grpc ${seen}`
  if (seen === 'given up') return `reset ${goneFlag(path)}`
  return `${seen}${SEEN_REASONS[path.split('/')[1]!] ?? ''}`
}

/** Words of what the servers behind an Envoy did. */
export function* servedWords(served: ReadonlyMap<string, readonly Served[]>): Iterable<string> {
  for (const [path, endings] of served)
    for (const ending of endings) yield `${path} ${servedEnding(path, ending)}`
}

function servedEnding(path: string, served: Served): string {
  if (isGrpc(path)) return `200 grpc ${served}`
  if (served === 'unanswered') return `reset ${goneFlag(path)}`
  return served === 'destroyed' ? '503 UC' : String(served)
}

/** Who goes away closes the connection of HTTP/1.1, and resets the stream of HTTP/2. */
function goneFlag(path: string): string {
  return path.includes('/h2/') ? 'DR' : 'DC'
}

function isGrpc(path: string): boolean {
  return Object.keys(GRPC_STATUSES).some((name) => path === `/shop.Emoji/${name}`)
}

/** Whether meshtap calls what the words say a failure. */
export function isFailure(words: string): boolean {
  return / (5\d\d|reset|grpc 14)/.test(words)
}
