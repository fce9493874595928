import type { MeshClient, MeshReply } from './mesh-client.ts'
import { NOT_FOUND, type Service, type ServiceReply } from './service.ts'
import type { Result } from './voting-service.ts'
import type { Work } from './work.ts'

/** How many of the leaders are shown. */
const LEADERS = 3

/** The page's backend: `GET /api/list`, `GET /api/vote?choice=:taco:`, `GET /leaderboard`. It asks emoji and voting. */
export function webService(client: MeshClient, namespace: string, work: Work): Service {
  const emoji = `emoji-svc.${namespace}:80`
  const voting = `voting-svc.${namespace}:80`
  return async ({ path, query, traceparent }) => {
    await work()
    switch (path) {
      case '/':
        return { status: 200, body: { try: ['/api/list', '/api/vote?choice=:taco:', '/leaderboard'] } }
      case '/api/list':
        return passOn(await client.call({ authority: emoji, path: '/api/emoji', traceparent }))
      case '/api/vote': {
        const choice = query.get('choice') ?? ''
        const find = `/api/find?shortcode=${encodeURIComponent(choice)}`
        const found = await client.call({ authority: emoji, path: find, traceparent })
        if (found.status !== 200) return passOn(found)
        const vote = { method: 'POST', authority: voting, path: '/api/votes', body: choice } as const
        return passOn(await client.call({ ...vote, traceparent }))
      }
      case '/leaderboard': {
        const results = await client.call({ authority: voting, path: '/api/results', traceparent })
        if (results.status !== 200) return passOn(results)
        const leaders = (results.body as readonly Result[]).slice(0, LEADERS)
        const shown = leaders.map(async ({ id, votes }) => {
          const { body } = await client.call({ authority: emoji, path: `/api/emoji/${id}`, traceparent })
          return { votes, emoji: body }
        })
        return { status: 200, body: await Promise.all(shown) }
      }
      default:
        return NOT_FOUND
    }
  }
}

/** What another service said, in its status; that it said nothing is a failure of this one. */
function passOn({ status, body }: MeshReply): ServiceReply {
  return { status: status === 0 ? 502 : status, body }
}
