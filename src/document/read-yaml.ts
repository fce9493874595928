import { type Document, LineCounter, parseDocument } from 'yaml'
import type { ValuePlace, ValueReader } from './value-reader.ts'

/** Longest text, characters: the parser takes about a second for it, in which nothing else is done. */
const MAX_TEXT = 2 ** 20
/** Most faults that are told: who mends those sees the others. */
const MAX_TOLD = 50

/**
 * Reads a text in YAML. `read` takes its value apart with `reader`. Throws a RangeError with all that is wrong, each
 * with its line.
 */
export function readYaml<T>(text: string, path: string, reader: ValueReader, read: (value: unknown) => T): T {
  if (text.length > MAX_TEXT)
    throw new RangeError(`${path}: has ${text.length} characters; at most ${MAX_TEXT} are read`)
  const lines = new LineCounter()
  // Silent, it would pass over all but the first of several documents.
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: 'error' })
  const placeOf = (offset: number | undefined) => `${path}:${lines.linePos(offset ?? 0).line}`
  if (document.errors.length > 0) {
    throw told(document.errors, (error) => `${placeOf(error.pos[0])}: is not YAML: ${error.message}`)
  }
  const made = read(valueOf(document, path))
  if (reader.faults.length === 0) return made
  throw told(
    reader.faults,
    ({ at, message }) => `${placeOf(offsetOf(document, at))}: ${[at.join('.'), message].join(' ').trim()}`,
  )
}

function told<F>(faults: readonly F[], say: (fault: F) => string): RangeError {
  const more = faults.length - MAX_TOLD
  return new RangeError(
    [...faults.slice(0, MAX_TOLD).map(say), ...(more > 0 ? [`and ${more} more`] : [])].join('\n'),
  )
}

/** Where a value begins in the text, or the nearest one that it is part of. */
function offsetOf(document: Document, at: ValuePlace): number | undefined {
  for (let depth = at.length; depth > 0; depth--) {
    const node = document.getIn(at.slice(0, depth), true) as
      { readonly range?: readonly number[] } | undefined
    if (node?.range != null) return node.range[0]
  }
  return undefined
}

function valueOf(document: Document, path: string): unknown {
  try {
    return document.toJS({ maxAliasCount: 0 })
  } catch (error) {
    if (!(error instanceof ReferenceError)) throw error
    throw new RangeError(`${path}: aliases (*name) are not read: write out what they stand for`, {
      cause: error,
    })
  }
}
