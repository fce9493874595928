/** A parser of Prometheus' text format and of OpenMetrics, written from their grammars alone: strict, slow, plain. */
export interface Sample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
  readonly exemplar?: Omit<Sample, 'name'> & { readonly timeSeconds: number }
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
    const sample = parseSample(line, isOpenMetrics)
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

function parseSample(line: string, isOpenMetrics: boolean): Sample {
  const open = line.indexOf('{')
  const name = line.slice(0, open)
  if (!/^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(name)) throw new Error(`no name: ${line}`)
  const { labels, end } = parseLabels(line, open)
  const [, value, exemplar] = /^ (\d+(?:\.\d+)?)(?: # (\{.*))?$/.exec(line.slice(end)) ?? []
  if (value === undefined) throw new Error(`no value: ${line}`)
  if (exemplar === undefined) return { name, labels, value: Number(value) }
  if (!isOpenMetrics || !name.endsWith('_bucket')) throw new Error(`no exemplar may be here: ${line}`)
  return { name, labels, value: Number(value), exemplar: parseExemplar(exemplar) }
}

function parseExemplar(text: string): NonNullable<Sample['exemplar']> {
  const { labels, end } = parseLabels(text, 0)
  const [, value, timeSeconds] = /^ (\d+(?:\.\d+)?) (\d+(?:\.\d+)?)$/.exec(text.slice(end)) ?? []
  if (timeSeconds === undefined) throw new Error(`no exemplar: ${text}`)
  const characters = Object.entries(labels).reduce((sum, [name, of]) => sum + name.length + of.length, 0)
  if (characters > 128) throw new Error(`labels of ${characters} characters: ${text}`)
  return { labels, value: Number(value), timeSeconds: Number(timeSeconds) }
}

/** The labels from the brace at `open`, and where what follows them begins. */
function parseLabels(
  line: string,
  open: number,
): { readonly labels: Record<string, string>; readonly end: number } {
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
  return { labels, end: at + 1 }
}
