import type { Scope } from '../rollup/series.ts'
import { compileGlob } from '../tap/glob.ts'
import type { TapScope } from '../tap/tap-query.ts'
import { AccessError } from './access-error.ts'
import { type Allowance, EVERYTHING, type Grant } from './grant.ts'
import { type Identity, nameOf } from './identity.ts'

/** The namespaces, as pairs of patterns, that something is allowed in. */
interface Place {
  readonly cluster: string
  readonly namespace: string
}

/** What a question names: left out, it is about all. */
export type Named = Partial<Scope>

/** What a question is answered from. */
export type Visible =
  | { readonly kind: 'everything' }
  | {
      readonly kind: 'some'
      /** The same for the same places, whatever grants they are from. */
      readonly id: string
      /** `cluster/namespace` patterns. */
      readonly places: readonly string[]
      readonly sees: (scope: Scope) => boolean
    }

/** What one identity may see, as its grants are now. */
export class Access {
  readonly identity: Identity
  readonly #grants: readonly Grant[]

  constructor(identity: Identity, grants: readonly Grant[]) {
    this.identity = identity
    this.#grants = grants
  }

  static toEverything(identity: Identity): Access {
    return new Access(identity, EVERYTHING)
  }

  get name(): string {
    return nameOf(this.identity)
  }

  /** Whether these are the very grants that another has: then the same may be seen, and nothing needs to be compared. */
  hasGrantsOf(other: Access): boolean {
    const [own, others] = [this.#grants, other.#grants]
    return own.length === others.length && own.every((grant, i) => grant === others[i])
  }

  /**
   * What a question may be answered from that needs all of `needs`. Throws NOT_GRANTED where that is nothing, or where
   * the question names what is not in it.
   */
  visible(needs: readonly Allowance[], named: readonly Named[] = []): Visible {
    const places = this.#places(needs)
    const what = needs.join(' and ')
    if (places.length === 0) {
      throw new AccessError('NOT_GRANTED', `${this.name} is not granted ${what} in any namespace`)
    }
    for (const name of named) {
      if (places.some((place) => meets(place, name))) continue
      throw new AccessError(
        'NOT_GRANTED',
        `${this.name} is not granted ${what} in ${described(name)}, only in ${places.map(nameOfPlace).join(', ')}`,
      )
    }
    if (places.some(isAll)) return { kind: 'everything' }
    const names = places.map(nameOfPlace)
    const id = JSON.stringify(places.map(({ cluster, namespace }) => [cluster, namespace]))
    return { kind: 'some', id, places: names, sees: predicateOf(places) }
  }

  /** What a tap shows. Throws as `visible` does; `needs` is what it filters by, besides. */
  tapScopes(needs: readonly Allowance[], named: readonly Named[]): readonly TapScope[] | undefined {
    this.visible(['tap', ...needs], named)
    const scopes: TapScope[] = this.#grants
      .filter(({ allow }) => allow.has('tap'))
      .flatMap((grant) =>
        placesOf(grant).map((place) => ({
          ...place,
          paths: grant.allow.has('paths'),
          headers: grant.allow.has('headers'),
        })),
      )
    if (scopes.some((scope) => isAll(scope) && scope.paths && scope.headers)) return undefined
    return distinct(scopes)
  }

  #places(needs: readonly Allowance[]): readonly Place[] {
    const granting = this.#grants.filter(({ allow }) => needs.every((need) => allow.has(need)))
    return distinct(granting.flatMap(placesOf))
  }
}

function placesOf({ clusters, namespaces }: Grant): Place[] {
  return clusters.flatMap((cluster) => namespaces.map((namespace) => ({ cluster, namespace })))
}

/** Each once, in an order that is the same for the same ones. */
function distinct<T extends Place>(places: readonly T[]): T[] {
  const byText = new Map(places.map((place) => [JSON.stringify(place), place]))
  return [...byText].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, place]) => place)
}

/** For people: patterns may have a slash or a comma in them, so that names of different places can be the same. */
function nameOfPlace({ cluster, namespace }: Place): string {
  return `${cluster}/${namespace}`
}

function isAll({ cluster, namespace }: Place): boolean {
  return cluster === '*' && namespace === '*'
}

/** Whether something that has this name, as far as it has one, may lie in a place. */
function meets(place: Place, { cluster, namespace }: Named): boolean {
  return (
    (cluster === undefined || compileGlob(place.cluster)(cluster)) &&
    (namespace === undefined || compileGlob(place.namespace)(namespace))
  )
}

function described({ cluster, namespace }: Named): string {
  return [
    ...(namespace === undefined ? [] : [`namespace ${namespace}`]),
    ...(cluster === undefined ? [] : [`cluster ${cluster}`]),
  ].join(' of ')
}

function predicateOf(places: readonly Place[]): (scope: Scope) => boolean {
  const compiled = places.map(({ cluster, namespace }) => ({
    cluster: compileGlob(cluster),
    namespace: compileGlob(namespace),
  }))
  return ({ cluster, namespace }) =>
    compiled.some((place) => place.cluster(cluster) && place.namespace(namespace))
}
