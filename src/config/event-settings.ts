import { fileURLToPath } from 'node:url'
import type { Classification, ClassificationRules } from '../event/classification.ts'
import { Redaction } from '../rollup/redaction.ts'
import { RouteTemplates } from '../rollup/route.ts'
import { settingsOf } from './setting.ts'
import { list, listOf, matching, onOff, readableFile } from './value-types.ts'

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

/** Mappings that come with meshtap: see `mappings/`. */
const SHIPPED_MAPPINGS: readonly string[] = ['nginx', 'haproxy', 'traefik', 'caddy']

/** What the records of a topic are that have no content type. */
export interface TopicFormat {
  readonly topic: string
  readonly format: { readonly kind: 'otlp' } | { readonly kind: 'mapping'; readonly path: string }
}

function topicFormat(text: string): TopicFormat {
  const [, topic, format] = /^([a-zA-Z0-9._-]{1,249})=(.+)$/.exec(text) ?? []
  if (topic === undefined || format === undefined)
    throw new RangeError(
      `must be topics and their formats (otlp, ${SHIPPED_MAPPINGS.join(', ')}, or a file), separated by commas: east.mesh.requests=otlp`,
    )
  if (format === 'otlp') return { topic, format: { kind: 'otlp' } }
  return { topic, format: { kind: 'mapping', path: mappingFile.parse(format) } }
}

/** A mapping by its name, or a file: its path. */
export const mappingFile = {
  placeholder: '<mapping>',
  parse: (text: string): string => {
    if (SHIPPED_MAPPINGS.includes(text))
      return fileURLToPath(new URL(`../../mappings/${text}.yaml`, import.meta.url))
    try {
      return readableFile.parse(text)
    } catch (error) {
      throw new RangeError(
        `must be one of ${SHIPPED_MAPPINGS.join(', ')}, or a file; ${(error as Error).message}`,
        {
          cause: error,
        },
      )
    }
  },
}

/** Of records that do not say what they are. */
export const FORMAT_SETTINGS = {
  topicFormats: setting(
    'topic-formats',
    '',
    listOf('<formats>', topicFormat),
    'what records without a content type are, by topic: otlp, the lines of an access log (nginx, haproxy, traefik, caddy or a file that maps them); JSON for all others',
  ),
} as const

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
