import { EMOJIS } from './emojis.ts'
import { NOT_FOUND, type Service } from './service.ts'
import type { Work } from './work.ts'

/** Knows the emoji: `GET /api/emoji`, `GET /api/emoji/<id>`, `GET /api/find?shortcode=:taco:`. */
export function emojiService(work: Work): Service {
  return async ({ path, query }) => {
    await work()
    if (path === '/api/emoji') return { status: 200, body: EMOJIS }
    const [, id] = /^\/api\/emoji\/(\d+)$/.exec(path) ?? []
    const wanted = path === '/api/find' ? query.get('shortcode') : undefined
    const emoji = EMOJIS.find(({ id: known, shortcode }) => String(known) === id || shortcode === wanted)
    return emoji === undefined ? NOT_FOUND : { status: 200, body: emoji }
  }
}
