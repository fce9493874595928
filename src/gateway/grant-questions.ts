import type { Access, Named, Visible } from '../access/access.ts'
import type { Allowance } from '../access/grant.ts'
import type { ReasonsRequest, StatRequest, TopRequest } from '../query/requests.ts'
import { boundsOf, type Target } from '../query/target.ts'
import type { ResourceSelector, TapQuery } from '../tap/tap-query.ts'

/** What a question is about, as far as it matters for who may ask it. */
type Asked = Pick<StatRequest, 'target'> &
  Partial<Pick<StatRequest, 'peer'>> &
  Partial<Pick<TopRequest | ReasonsRequest, 'by'>>

/**
 * What a question is answered from. What it names must be granted, whichever end of requests it is; what it does not
 * name is narrowed to what is. Throws an AccessError.
 */
export function visibleTo(access: Access, { target, peer, by }: Asked): Visible {
  const needs: Allowance[] = by === 'path' ? ['stat', 'paths'] : ['stat']
  return access.visible(needs, peer === undefined ? [named(target)] : [named(target), named(peer.target)])
}

/** The query of a tap that shows what its viewer may see, and no more. Throws an AccessError. */
export function tapQueryFor(access: Access, query: TapQuery): TapQuery {
  const scopes = access.tapScopes(filteredBy(query), namedBy(query))
  return scopes === undefined ? query : { ...query, scopes }
}

/** The places that a tap is narrowed to; undefined where it shows those of all. Throws as `tapQueryFor` does. */
export function tapNarrowedTo(access: Access, query: TapQuery): readonly string[] | undefined {
  const visible = access.visible(['tap', ...filteredBy(query)], namedBy(query))
  return visible.kind === 'everything' ? undefined : visible.places
}

function filteredBy({ path, header }: TapQuery): Allowance[] {
  return [
    ...(path === undefined ? [] : (['paths'] as const)),
    ...(header === undefined ? [] : (['headers'] as const)),
  ]
}

function namedBy({ resource, to, from }: TapQuery): Named[] {
  return [resource, to, from].filter((selector) => selector !== undefined).map(place)
}

function named(target: Target): Named {
  return place(boundsOf(target))
}

function place({ cluster, namespace }: Pick<ResourceSelector, 'cluster' | 'namespace'>): Named {
  return {
    ...(cluster === undefined ? {} : { cluster }),
    ...(namespace === undefined ? {} : { namespace }),
  }
}
