import { AnswerTally } from './answer-tally.ts'

/** Running counts of an HTTP server. */
export interface HttpStats {
  requests: number
  /** Answers by the route's template, `none` where there is none; not those that became a websocket. */
  readonly answers: AnswerTally
  /** Answers other than success, by the problem's code. */
  readonly problems: Record<string, number>
  /** Connections refused because there were too many. */
  droppedConnections: number
  /** Connections cut because their clients took nothing of an answer, or sent too many requests before they were answered. */
  cutConnections: number
}

export function httpStats(): HttpStats {
  return { requests: 0, answers: new AnswerTally(), problems: {}, droppedConnections: 0, cutConnections: 0 }
}

export function countProblem(stats: HttpStats, code: string): void {
  stats.problems[code] = (stats.problems[code] ?? 0) + 1
}
