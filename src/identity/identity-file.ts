import { isIP } from 'node:net'
import { readYaml } from '../document/read-yaml.ts'
import { type ValuePlace, ValueReader } from '../document/value-reader.ts'
import { NOBODY, type Occupant, type Tenure } from './address-book.ts'
import {
  addressRange,
  type AddressRange,
  canonicalAddress,
  numericAddress,
  prefixOf,
} from './address-range.ts'
import type { Identities } from './identities.ts'

/** Most identities of a file. */
const MAX_ENTRIES = 50_000

const FIELDS = ['ip', 'pod', 'cluster', 'namespace', 'kind', 'name', 'service'] as const

/** Who is at an address, in a range of addresses, or has a pod's name, as a file says. */
interface Rule {
  /** Empty: in any cluster. */
  readonly cluster: string
  readonly range: AddressRange | undefined
  readonly ip: string
  readonly occupant: Occupant
}

/** Rules of ranges of one width: each lookup asks one map a width, however many ranges there are. */
interface Width extends Pick<AddressRange, 'version' | 'bits'> {
  /** By what the addresses of a range share. */
  readonly rules: Map<bigint, Rule[]>
}

/** What a file of identities says. */
export class IdentityRules {
  readonly #addresses = new Map<string, Rule[]>()
  readonly #pods = new Map<string, Rule[]>()
  /** The narrowest first. */
  readonly #widths: readonly Width[]

  constructor(rules: readonly Rule[]) {
    for (const rule of rules) {
      if (rule.ip !== '') push(this.#addresses, rule.ip, rule)
      if (rule.occupant.pod !== '') push(this.#pods, rule.occupant.pod, rule)
    }
    this.#widths = widthsOf(rules)
  }

  atAddress(cluster: string, ip: string): Occupant | undefined {
    const address = canonicalAddress(ip)
    if (address === undefined) return undefined
    const found = best(this.#addresses.get(address) ?? [], cluster)
    return found ?? (this.#widths.length === 0 ? undefined : best(this.#around(address), cluster))
  }

  /** Rules of the ranges that an address is in. */
  #around(address: string): Rule[] {
    const { version, value } = numericAddress(address)
    return this.#widths.flatMap((width) =>
      width.version === version ? (width.rules.get(prefixOf(value, version, width.bits)) ?? []) : [],
    )
  }

  ofPod(cluster: string, namespace: string, pod: string): Occupant | undefined {
    const rules = (this.#pods.get(pod) ?? []).filter(
      (rule) =>
        (namespace === '' || rule.occupant.namespace === namespace) &&
        (rule.cluster === '' || rule.cluster === cluster),
    )
    const namespaces = new Set(rules.map(({ occupant }) => occupant.namespace))
    return namespaces.size === 1 ? best(rules, cluster) : undefined
  }
}

function widthsOf(rules: readonly Rule[]): Width[] {
  const widths = new Map<string, Width>()
  for (const rule of rules) {
    if (rule.range === undefined) continue
    const { version, bits, prefix } = rule.range
    const name = `${version}/${bits}`
    let width = widths.get(name)
    if (width === undefined) widths.set(name, (width = { version, bits, rules: new Map() }))
    push(width.rules, prefix, rule)
  }
  return [...widths.values()].sort((a, b) => b.bits - a.bits)
}

/** The rule of that cluster, else the first that is of any. */
function best(rules: readonly Rule[], cluster: string): Occupant | undefined {
  const found = rules.find((rule) => rule.cluster === cluster) ?? rules.find((rule) => rule.cluster === '')
  return found?.occupant
}

function push<K>(map: Map<K, Rule[]>, key: K, rule: Rule): void {
  const list = map.get(key)
  if (list === undefined) map.set(key, [rule])
  else list.push(rule)
}

/** Identities of a file that is read again when it changes. */
export class FileIdentities implements Identities {
  #rules: IdentityRules
  #version = 0

  constructor(rules: IdentityRules) {
    this.#rules = rules
  }

  get version(): number {
    return this.#version
  }

  replace(rules: IdentityRules): void {
    this.#rules = rules
    this.#version++
  }

  atAddress(cluster: string, ip: string): Tenure {
    return { ...NOBODY, occupant: this.#rules.atAddress(cluster, ip) }
  }

  ofPod(cluster: string, namespace: string, pod: string): Tenure {
    return { ...NOBODY, occupant: this.#rules.ofPod(cluster, namespace, pod) }
  }
}

/**
 * Reads a file of identities: a list of `{ ip: ADDRESS or RANGE }`, `{ pod: NAME }` or both, each with the workload
 * (`namespace`, `kind`, `name`), or the `service`, that it is. Throws a RangeError with all that is wrong, each with its
 * line.
 */
export function parseIdentities(text: string, path: string): IdentityRules {
  const reader = new ValueReader(MAX_ENTRIES)
  return readYaml(text, path, reader, (value) => {
    const { identities } = reader.fields(value, ['identities'], [])
    if (identities === undefined) reader.fault([], 'lacks identities: a list')
    return new IdentityRules(
      reader.list(identities, ['identities']).flatMap((entry, i) => {
        const rule = readRule(reader, entry, ['identities', i])
        return rule === undefined ? [] : [rule]
      }),
    )
  })
}

function readRule(reader: ValueReader, entry: unknown, at: ValuePlace): Rule | undefined {
  const before = reader.faults.length
  const fields = reader.fields(entry, FIELDS, at)
  const text = (field: (typeof FIELDS)[number]) =>
    fields[field] === undefined ? '' : (reader.text(fields[field], [...at, field]) ?? '')
  const [ip, pod, name, service] = [text('ip'), text('pod'), text('name'), text('service')]
  const occupant: Occupant = {
    namespace: text('namespace'),
    kind: name === '' ? '' : text('kind') || 'deployment',
    name,
    pod,
    service,
  }
  if (ip === '' && pod === '') reader.fault(at, 'lacks what it is of: give ip, pod or both')
  if (name === '' && service === '') reader.fault(at, 'lacks who it is: give name, service or both')
  if (name === '' && fields['kind'] !== undefined) reader.fault([...at, 'kind'], 'needs a name')
  const range = ip === '' ? undefined : addressRange(ip)
  if (ip !== '' && range === undefined)
    reader.fault([...at, 'ip'], `${JSON.stringify(ip)} is neither an address nor a range such as 10.1.0.0/16`)
  if (reader.faults.length > before) return undefined
  const isOne = isIP(ip) !== 0
  return {
    cluster: text('cluster'),
    range: isOne ? undefined : range,
    ip: isOne ? canonicalAddress(ip)! : '',
    occupant,
  }
}
