import { type IntakeStats, intakeStats } from '../ingest-stats.ts'

/** Running counts of ingest over gRPC. */
export interface GrpcStats extends IntakeStats {
  calls: number
  /** Calls that go on now. */
  openCalls: number
  /** Calls and messages refused, by the problem's code. */
  readonly problems: Record<string, number>
  /** Connections refused because there were too many. */
  droppedConnections: number
  /** Messages that wait, unread, until fewer bytes are on their way into the log. */
  readonly waitingMessages: number
  /** Times that access logs were given to the log again, after it had not taken them. */
  retries: number
  /** Messages of access logs that were lost: malformed ones, and what the log had not taken when the server stopped. */
  lostMessages: number
}

export function grpcStats(read: {
  readonly inFlightBytes: () => number
  readonly waitingMessages: () => number
  /** Bytes that came over all connections. */
  readonly wireBytes: () => number
}): GrpcStats {
  const stats = {
    ...intakeStats(() => 0),
    calls: 0,
    openCalls: 0,
    problems: {},
    droppedConnections: 0,
    retries: 0,
    lostMessages: 0,
  }
  return Object.defineProperties(stats, {
    inFlightBytes: { get: read.inFlightBytes, enumerable: true },
    waitingMessages: { get: read.waitingMessages, enumerable: true },
    wireBytes: { get: read.wireBytes, enumerable: true },
  }) as GrpcStats
}
