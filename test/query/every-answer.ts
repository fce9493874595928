import type { QueryEngine } from '../../src/query/query-engine.ts'
import {
  parseEdgesRequest,
  parseResourcesRequest,
  parseRoutesRequest,
  parseStatQuestion,
  parseStatRequest,
  parseTimeseriesRequest,
  parseTopRequest,
} from '../../src/query/requests.ts'

/** Every kind of answer, as plain objects. */
export async function everyAnswer(engine: QueryEngine): Promise<unknown> {
  const stats = []
  for (const resource of ['deploy', 'pod', 'svc', 'ns', 'route', 'all']) {
    stats.push(await engine.stat(parseStatRequest({ resource })))
  }
  const reasons = []
  for (const [resource, window] of [
    ['deploy', '1m'],
    ['svc', '1m'],
    ['all', '7h'],
  ] as const) {
    const asked = parseStatQuestion({ resource, window, by: 'reason' })
    if ('by' in asked) reasons.push(await engine.reasons(asked))
  }
  return {
    stats,
    reasons,
    hours: await engine.stat(parseStatRequest({ resource: 'deploy', window: '7h' })),
    pair: await engine.stat(parseStatRequest({ resource: 'deploy', to: 'deploy/web' })),
    edges: await engine.edges(parseEdgesRequest({})),
    routes: await engine.routes(parseRoutesRequest({ resource: 'all' })),
    paths: await engine.top(parseTopRequest({ resource: 'all' })),
    calls: await engine.top(parseTopRequest({ resource: 'all', by: 'route' })),
    series: await engine.timeseries(parseTimeseriesRequest({ resource: 'deploy' })),
    resources: await engine.resources(parseResourcesRequest({})),
  }
}
