import { readYaml } from '../document/read-yaml.ts'
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
  const reader = new GrantReader()
  return readYaml(text, path, reader, (value) => {
    const { grants } = reader.fields(value, ['grants'], [])
    const rules = reader.list(grants, ['grants']).map((value, i): PolicyRule => {
      const at = ['grants', i]
      const fields = reader.fields(value, FIELDS, at)
      const subjects = reader.texts(fields['subjects'], [...at, 'subjects']).map(compileGlob)
      const groups = new Set(reader.texts(fields['groups'], [...at, 'groups']))
      if (fields['subjects'] === undefined && fields['groups'] === undefined)
        reader.fault(
          at,
          "says not who it is for: give subjects (names and patterns, ['*'] for all) or groups",
        )
      return { subjects, groups, ...reader.grant(fields, at) }
    })
    return new Policy(rules)
  })
}
