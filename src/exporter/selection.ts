import { quoted, RequestError } from '../event/request-error.ts'
import { parseScope } from '../rollup/series.ts'

/** Which scopes a scrape is of. */
export interface Selection {
  readonly namespace?: string
  readonly cluster?: string
  /** Part `index` of `of`, from 0. */
  readonly shard?: { readonly index: number; readonly of: number }
}

const MAX_SHARDS = 1024

/** `?namespace=`, `?cluster=`, `?shard=1/4`. Throws a RequestError. */
export function parseSelection(parameters: URLSearchParams): Selection {
  const selection: { namespace?: string; cluster?: string; shard?: { index: number; of: number } } = {}
  for (const [name, value] of parameters) {
    if (parameters.getAll(name).length > 1) throw new RequestError(name, 'is given more than once')
    if (name === 'namespace' || name === 'cluster') selection[name] = value
    else if (name === 'shard') selection.shard = parseShard(value)
    else throw new RequestError(name, 'is none of namespace, cluster, shard')
  }
  return selection
}

function parseShard(text: string): { index: number; of: number } {
  const [, number, of] = (/^(\d{1,4})\/(\d{1,4})$/.exec(text) ?? []).map(Number)
  if (number === undefined || of === undefined || number < 1 || number > of || of > MAX_SHARDS) {
    throw new RequestError('shard', `${quoted(text)} is no shard: give 1/4 to 4/4, of at most ${MAX_SHARDS}`)
  }
  return { index: number - 1, of }
}

/** Whether a scope, by the name that blobs have, is in a selection. */
export function isSelected(scope: string, { namespace, cluster, shard }: Selection): boolean {
  if (namespace !== undefined || cluster !== undefined) {
    const parts = parseScope(scope)
    if (namespace !== undefined && parts.namespace !== namespace) return false
    if (cluster !== undefined && parts.cluster !== cluster) return false
  }
  return shard === undefined || hash(scope) % shard.of === shard.index
}

/** FNV-1a with a last mix, so that its low bits are as good as the others. */
function hash(text: string): number {
  let h = 0x811c9dc5
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193)
  h ^= h >>> 16
  h = Math.imul(h, 0x85ebca6b)
  return (h ^ (h >>> 13)) >>> 0
}
