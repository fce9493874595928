import { EMOJIS, FAILING_SHORTCODE } from './emojis.ts'
import { NOT_FOUND, type Service } from './service.ts'
import type { Work } from './work.ts'

export interface Result {
  readonly id: number
  readonly shortcode: string
  readonly votes: number
}

/** The votes, which all pods of the service share as if they were in a database. */
export type Poll = Map<string, number>

/** Counts votes: `POST /api/votes` with a shortcode as the body, `GET /api/results`. */
export function votingService(poll: Poll, work: Work): Service {
  return async ({ method, path, body }) => {
    await work()
    if (method === 'GET' && path === '/api/results') return { status: 200, body: results(poll) }
    if (method !== 'POST' || path !== '/api/votes') return NOT_FOUND
    if (body === FAILING_SHORTCODE) throw new Error(`no vote for ${FAILING_SHORTCODE} was ever counted`)
    if (!EMOJIS.some(({ shortcode }) => shortcode === body)) return NOT_FOUND
    const votes = (poll.get(body) ?? 0) + 1
    poll.set(body, votes)
    return { status: 200, body: { shortcode: body, votes } }
  }
}

function results(poll: Poll): Result[] {
  return EMOJIS.map(({ id, shortcode }) => ({ id, shortcode, votes: poll.get(shortcode) ?? 0 })).sort(
    (a, b) => b.votes - a.votes,
  )
}
