/** A parser of Prometheus' text format and of OpenMetrics, written from their grammars alone: strict, slow, plain. */
export interface Sample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

export interface ParsedFamily {
  readonly type: string
  readonly samples: readonly Sample[]
}

const SUFFIXES = ['_total', '_created', '_bucket', '_sum', '_count', '']

/** Families by name. Throws for whatever the format forbids: a family in two parts, a sample twice, a bad escape. */
export function parseText(
  text: string,
  { isOpenMetrics = false }: { readonly isOpenMetrics?: boolean } = {},
): ReadonlyMap<string, ParsedFamily> {
  if (!text.endsWith('\n')) throw new Error('the last line has no end')
  const lines = text.slice(0, -1).split('\n')
  if (isOpenMetrics && lines.pop() !== '# EOF') throw new Error('there is no # EOF')
  const families = new Map<string, { type: string; samples: Sample[] }>()
  const seen = new Set<string>()
  let current = ''
  for (const line of lines) {
    const meta = /^# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)$/.exec(line)
    if (meta !== null) {
      const [, kind, name = '', rest = ''] = meta
      if (name !== current && families.has(name)) throw new Error(`${name} comes in two parts`)
      current = name
      const family = families.get(name) ?? { type: '', samples: [] }
      families.set(name, family)
      if (kind === 'TYPE') {
        if (family.type !== '' || family.samples.length > 0) throw new Error(`${name} has two types`)
        family.type = rest
      }
      continue
    }
    const sample = parseSample(line)
    const base = SUFFIXES.map(
      (suffix) => sample.name.endsWith(suffix) && sample.name.slice(0, sample.name.length - suffix.length),
    )
    if (sample.name !== current && !base.includes(current)) {
      throw new Error(`${sample.name} is not in the family ${current}`)
    }
    const id = JSON.stringify([
      sample.name,
      Object.entries(sample.labels).toSorted(([a], [b]) => (a < b ? -1 : 1)),
    ])
    if (seen.has(id)) throw new Error(`twice: ${id}`)
    seen.add(id)
    families.get(current)!.samples.push(sample)
  }
  return families
}

function parseSample(line: string): Sample {
  const open = line.indexOf('{')
  const name = line.slice(0, open)
  if (!/^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(name)) throw new Error(`no name: ${line}`)
  const labels: Record<string, string> = {}
  let at = open + 1
  while (line[at] !== '}') {
    const [, label = ''] = /^([a-zA-Z_][a-zA-Z0-9_]*)="/.exec(line.slice(at)) ?? []
    if (label === '' || label in labels) throw new Error(`no label, or twice, at ${at}: ${line}`)
    at += label.length + 2
    let value = ''
    for (; line[at] !== '"'; at++) {
      if (at >= line.length) throw new Error(`no end of ${label}: ${line}`)
      if (line[at] !== '\\') value += line[at]
      else {
        const escaped = { '\\': '\\', '"': '"', n: '\n' }[line[++at] ?? '']
        if (escaped === undefined) throw new Error(`bad escape at ${at}: ${line}`)
        value += escaped
      }
    }
    labels[label] = value
    at++
    if (line[at] === ',') at++
    else if (line[at] !== '}') throw new Error(`neither comma nor end at ${at}: ${line}`)
  }
  const value = line.slice(at + 1)
  if (!/^ \d+(\.\d+)?$/.test(value)) throw new Error(`no value ${JSON.stringify(value)}: ${line}`)
  return { name, labels, value: Number(value) }
}
