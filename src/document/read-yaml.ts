import { type Document, LineCounter, parseDocument } from 'yaml'
import type { ValuePlace, ValueReader } from './value-reader.ts'

/**
 * Reads a text in YAML. `read` takes its value apart with `reader`. Throws a RangeError with all that is wrong, each
 * with its line.
 */
export function readYaml<T>(text: string, path: string, reader: ValueReader, read: (value: unknown) => T): T {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: 'silent' })
  const placeOf = (offset: number | undefined) => `${path}:${lines.linePos(offset ?? 0).line}`
  if (document.errors.length > 0) {
    throw new RangeError(
      document.errors.map((error) => `${placeOf(error.pos[0])}: is not YAML: ${error.message}`).join('\n'),
    )
  }
  const made = read(valueOf(document, path))
  if (reader.faults.length === 0) return made
  throw new RangeError(
    reader.faults
      .map(
        ({ at, message }) =>
          `${placeOf(offsetOf(document, at))}: ${[at.join('.'), message].join(' ').trim()}`,
      )
      .join('\n'),
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
