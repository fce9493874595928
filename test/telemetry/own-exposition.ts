import { FAMILIES } from '../../src/exporter/families.ts'
import { familiesOf } from '../../src/telemetry/own-families.ts'
import type { RoleName } from '../../src/telemetry/own-family.ts'
import { PROCESS_NAMES } from '../../src/telemetry/process-metrics.ts'
import { parseText, type ParsedFamily, type Sample } from '../exporter/parse-text.ts'

/** What `/metrics` of a role said, in Prometheus' text. */
export class OwnExposition {
  readonly text: string
  readonly families: ReadonlyMap<string, ParsedFamily>

  constructor(text: string) {
    this.text = text
    this.families = parseText(text)
  }

  /** All samples of meshtap's own metrics. */
  get own(): readonly Sample[] {
    return [...this.families]
      .filter(([name]) => name.startsWith('meshtap_'))
      .flatMap(([, { samples }]) => samples)
  }

  /** The sum of the samples of a name that have these labels; undefined where there are none. */
  value(name: string, labels: Readonly<Record<string, string>> = {}): number | undefined {
    const found = this.own
      .filter((sample) => sample.name === name)
      .filter((sample) => Object.entries(labels).every(([label, value]) => sample.labels[label] === value))
    return found.length === 0 ? undefined : found.reduce((sum, { value }) => sum + value, 0)
  }

  /** In what it differs from what the table says of a role: nothing, where it is right. */
  differences(role: RoleName): readonly string[] {
    const table = familiesOf(role)
    const isMeshMissing = this.value('meshtap_exporter_mesh_up') === 0
    const isOfMesh = (name: string) => isMeshMissing && /^meshtap_exporter_series(_limited)?$/.test(name)
    const known = new Set<string>([
      ...table.map(({ name }) => name),
      ...PROCESS_NAMES,
      ...Object.values(FAMILIES).map(({ name }) => name),
    ])
    return [
      ...[...this.families.keys()]
        .filter((name) => !known.has(name))
        .map((name) => `${name} is not in the table`),
      ...table.flatMap((family): string[] => {
        const { name, type, help, labels } = family
        const found = this.families.get(name)
        // What has labels has no samples until there is something to tell.
        if (found === undefined) return labels.length > 0 || isOfMesh(name) ? [] : [`${name} is missing`]
        const wanted = (family.type === 'histogram' ? [...labels, 'le'] : [...labels]).sort().join()
        const given = (sample: Sample) => Object.keys(sample.labels).sort().join()
        const first = found.samples.find((sample) => !/_(sum|count)$/.test(sample.name)) ?? found.samples[0]!
        return [
          ...(found.type === type ? [] : [`${name} is a ${found.type}`]),
          ...(this.text.includes(`# HELP ${name} ${help}\n`) ? [] : [`${name} has another help`]),
          ...(given(first) === wanted ? [] : [`${name} has the labels ${given(first)}`]),
        ]
      }),
    ]
  }

  /** The lines of meshtap's own and of the process. */
  get ownText(): string {
    const isOwn = (line: string) => /^(# \w+ )?(meshtap|process|nodejs)_/.test(line)
    return `${this.text.split('\n').filter(isOwn).join('\n')}\n`
  }
}
