import type { Classification, ClassificationRules } from '../event/classification.ts'
import { RouteTemplates } from '../rollup/route.ts'
import { settingsOf } from './setting.ts'
import { list, matching } from './value-types.ts'

const { setting } = settingsOf('events')

const RULE = /^(http|grpc):(\d{1,3})=(success|failure)$/

function classificationRules(text: string): ClassificationRules {
  const rules: Record<'http' | 'grpc', Record<number, Classification>> = { http: {}, grpc: {} }
  for (const part of list(text)) {
    const [, protocol, status, classification] = RULE.exec(part) ?? []
    if (protocol === undefined) {
      throw new RangeError('must be rules such as http:429=failure or grpc:5=failure, separated by commas')
    }
    rules[protocol as 'http' | 'grpc'][Number(status)] = classification as Classification
  }
  return rules
}

/** Cluster of events that name none. */
export const CLUSTER = setting(
  'cluster',
  'default',
  matching(
    '<name>',
    /^[\p{L}\p{N}._-]{1,253}$/u,
    'a name of 1 to 253 letters, digits, dots, dashes or underscores',
  ),
  'cluster of events that name none',
)

/** How events become series. */
export const EVENT_SETTINGS = {
  cluster: CLUSTER,
  routes: setting(
    'routes',
    '',
    { placeholder: '<patterns>', parse: (text) => new RouteTemplates(list(text)) },
    'route patterns that outrank derived ones, separated by commas: /users/:name,/static/*',
  ),
  classify: setting(
    'classify',
    '',
    { placeholder: '<rules>', parse: classificationRules },
    'statuses that count other than by default: http:429=failure,grpc:5=failure',
  ),
} as const
