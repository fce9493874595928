import { quoted, RequestError } from '../event/request-error.ts'
import { parseResource, type ResourceRef } from '../rollup/resource-kind.ts'
import { usageError } from './cli-error.ts'
import { shortKind } from './printers/resource-name.ts'

/** Most resources of one command: each is a question of its own. */
const MAX_RESOURCES = 32

/**
 * The resources that arguments name: `TYPE`, `TYPE NAME…`, or any number of `TYPE/NAME`. Throws a usage error, in
 * Linkerd's words where it has some.
 */
export function parseResources(args: readonly string[]): ResourceRef[] {
  const [first, ...rest] = args
  if (first === undefined) {
    throw usageError('No resource arguments provided: give TYPE, TYPE/NAME or all, for example deploy/web')
  }
  const isTypeAndNames = rest.length > 0 && !first.includes('/') && first.toLowerCase() !== 'all'
  const texts = isTypeAndNames ? rest.map((name) => `${first}/${name}`) : args
  // `deploy/` is how kubectl's users write the type alone among several.
  const resources = texts.map((text) => resourceOf(isTypeAndNames ? text : text.replace(/^([^/]+)\/$/, '$1')))
  if (resources.length > MAX_RESOURCES) {
    throw usageError(`${resources.length} resources are too many at once: give at most ${MAX_RESOURCES}`)
  }
  if (resources.length > 1 && resources.some(({ kind }) => kind === 'all')) {
    throw usageError("'all' can't be supplied alongside other resources")
  }
  if (new Set(resources.map(resourceText)).size < resources.length) {
    throw usageError('cannot supply duplicate resources')
  }
  return resources
}

/** One resource of a flag. */
export function parseFlagResource(flag: string, text: string): ResourceRef {
  return parse(text, `${flag}: `)
}

/** As the API takes it: `deployment/web`. */
export function resourceText({ kind, name }: ResourceRef): string {
  return name === undefined ? kind : `${kind}/${name}`
}

/** As people write it: `deploy/web`. */
export function shortResourceText({ kind, name }: ResourceRef): string {
  return name === undefined ? shortKind(kind) : `${shortKind(kind)}/${name}`
}

function resourceOf(text: string): ResourceRef {
  return parse(text, `Invalid resource string: ${quoted(text)}. `)
}

function parse(text: string, prefix: string): ResourceRef {
  try {
    return parseResource('resource', text)
  } catch (error) {
    if (error instanceof RequestError) throw usageError(`${prefix}${error.message}`, { cause: error })
    throw error
  }
}
