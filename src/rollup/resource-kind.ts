import { quoted, RequestError } from '../event/request-error.ts'

/** Kinds of resource that can be asked for, each with its short name, if it has one, and its plural. `all` is every kind. */
export const RESOURCE_KINDS = {
  cluster: ['clusters'],
  namespace: ['ns', 'namespaces'],
  deployment: ['deploy', 'deployments'],
  statefulset: ['sts', 'statefulsets'],
  daemonset: ['ds', 'daemonsets'],
  replicaset: ['rs', 'replicasets'],
  job: ['jobs'],
  cronjob: ['cj', 'cronjobs'],
  pod: ['po', 'pods'],
  service: ['svc', 'services'],
  authority: ['au', 'authorities'],
  route: ['routes'],
  all: [],
} as const satisfies Record<string, readonly string[]>

export type ResourceKindName = keyof typeof RESOURCE_KINDS

const KINDS = Object.keys(RESOURCE_KINDS) as readonly ResourceKindName[]

const BY_NAME: ReadonlyMap<string, ResourceKindName> = new Map(
  KINDS.flatMap((kind) => [kind, ...RESOURCE_KINDS[kind]].map((name) => [name, kind] as const)),
)

/** The kind that a text names, in any case, singular, plural or short. */
export function canonicalKind(text: string): ResourceKindName | undefined {
  return BY_NAME.get(text.toLowerCase())
}

/** A resource as it is written in a request: `deploy`, or `deploy/web`. */
export interface ResourceRef {
  readonly kind: ResourceKindName
  readonly name?: string
}

/** Longest name of a resource, characters; authorities and routes are longer than Kubernetes' 253. */
export const MAX_RESOURCE_NAME = 1024

/**
 * Parses `kind` or `kind/name`. A route's or authority's name may hold further slashes. Throws a `RequestError` for
 * `parameter`.
 */
export function parseResource(parameter: string, text: string): ResourceRef {
  const slash = text.indexOf('/')
  const kindText = slash < 0 ? text : text.slice(0, slash)
  const kind = canonicalKind(kindText)
  const shown = quoted(text)
  if (kind === undefined) {
    throw new RequestError(
      parameter,
      `${shown} names no kind of resource; it is KIND or KIND/NAME, where KIND is one of ${kindList()}`,
    )
  }
  if (slash < 0) return { kind }
  const name = text.slice(slash + 1)
  if (kind === 'all') throw new RequestError(parameter, `${shown}: "all" takes no name`)
  if (name === '') throw new RequestError(parameter, `${shown} has no name after the slash`)
  if (name.length > MAX_RESOURCE_NAME) {
    throw new RequestError(
      parameter,
      `${shown} has a name of ${name.length} characters; at most ${MAX_RESOURCE_NAME} are taken`,
    )
  }
  if (name.includes('/') && kind !== 'route' && kind !== 'authority') {
    throw new RequestError(parameter, `${shown} has more than one slash; it is KIND or KIND/NAME`)
  }
  return { kind, name }
}

/** The kinds with their short names, for messages: `cluster, namespace (ns), …`. */
function kindList(): string {
  return KINDS.map((kind) => {
    const [short, plural] = RESOURCE_KINDS[kind] as readonly string[]
    return plural === undefined ? kind : `${kind} (${short})`
  }).join(', ')
}
