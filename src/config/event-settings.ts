import type { Classification, ClassificationRules } from '../event/classification.ts'
import { Redaction } from '../rollup/redaction.ts'
import { RouteTemplates } from '../rollup/route.ts'
import { settingsOf } from './setting.ts'
import { list, matching, onOff } from './value-types.ts'

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

function headerNames(text: string): readonly string[] {
  const names = list(text)
  if (names.every((name) => /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,256}$/.test(name))) return names
  throw new RangeError('must be names of headers, separated by commas: x-api-key,x-session')
}

function pathPatterns(text: string): readonly string[] {
  const paths = list(text)
  void new Redaction({ paths })
  return paths
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
  redactHeaders: setting(
    'redact-headers',
    '',
    { placeholder: '<names>', parse: headerNames },
    'headers whose values no tap shows, besides authorization, proxy-authorization, cookie and set-cookie',
  ),
  redactQuery: setting('redact-query', 'on', onOff, 'show no query strings in taps'),
  redactPaths: setting(
    'redact-paths',
    '',
    { placeholder: '<patterns>', parse: pathPatterns },
    'path segments that are neither shown nor counted apart, separated by commas: /reset/:token,/users/*/keys/:key',
  ),
} as const
