import type { TopAnswer } from './answer.ts'
import type { TopRequest } from './requests.ts'
import type { RollupReader } from './rollup-reader.ts'
import { topPaths } from './top-paths.ts'
import { topRoutes } from './top-routes.ts'

/**
 * The busiest calls: by path, as counted in bounded memory, or by route, counted exactly.
 *
 * As the destination's proxies report them, and with `to`, as the source's do.
 */
export function top(reader: RollupReader, request: TopRequest): Promise<TopAnswer> {
  return request.by === 'path' ? topPaths(reader, request) : topRoutes(reader, request)
}
