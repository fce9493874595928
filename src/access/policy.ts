import { type Document, LineCounter, parseDocument } from 'yaml'
import { compileGlob } from '../tap/glob.ts'
import type { Grant } from './grant.ts'
import { GrantReader } from './grant-reader.ts'

/** Who a grant is for: one of the subjects' patterns, or of the groups, is enough. */
interface PolicyRule extends Grant {
  readonly subjects: readonly ((subject: string) => boolean)[]
  readonly groups: ReadonlySet<string>
}

/** Who may see what. */
export class Policy {
  readonly #rules: readonly PolicyRule[]

  constructor(rules: readonly PolicyRule[]) {
    this.#rules = rules
  }

  /** All grants that are for someone of this name, in these groups. */
  grantsOf(subject: string, groups: readonly string[]): readonly Grant[] {
    return this.#rules.filter(
      (rule) =>
        rule.subjects.some((matches) => matches(subject)) || groups.some((group) => rule.groups.has(group)),
    )
  }
}

const FIELDS = ['subjects', 'groups', 'clusters', 'namespaces', 'allow'] as const

/** Reads a policy in YAML. Throws a RangeError with all that is wrong, each with its line. */
export function parsePolicy(text: string, path: string): Policy {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: 'silent' })
  const placeOf = (offset: number | undefined) => `${path}:${lines.linePos(offset ?? 0).line}`
  if (document.errors.length > 0) {
    throw new RangeError(
      document.errors.map((error) => `${placeOf(error.pos[0])}: is not YAML: ${error.message}`).join('\n'),
    )
  }
  const reader = new GrantReader()
  const { grants } = reader.fields(valueOf(document, path), ['grants'], [])
  const rules = reader.list(grants, ['grants']).map((value, i): PolicyRule => {
    const at = ['grants', i]
    const fields = reader.fields(value, FIELDS, at)
    const subjects = reader.texts(fields['subjects'], [...at, 'subjects']).map(compileGlob)
    const groups = new Set(reader.texts(fields['groups'], [...at, 'groups']))
    if (fields['subjects'] === undefined && fields['groups'] === undefined)
      reader.fault(at, "says not who it is for: give subjects (names and patterns, ['*'] for all) or groups")
    return { subjects, groups, ...reader.grant(fields, at) }
  })
  if (reader.faults.length === 0) return new Policy(rules)
  throw new RangeError(
    reader.faults.map(({ at, message }) => `${placeOf(offsetOf(at))}: ${at.join('.')} ${message}`).join('\n'),
  )

  /** Where a value begins in the text, or the nearest one that it is part of. */
  function offsetOf(at: readonly (string | number)[]): number | undefined {
    for (let depth = at.length; depth > 0; depth--) {
      const node = document.getIn(at.slice(0, depth), true) as
        { readonly range?: readonly number[] } | undefined
      if (node?.range != null) return node.range[0]
    }
    return undefined
  }
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
