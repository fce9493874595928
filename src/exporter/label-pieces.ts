import { FLAG_OUTBOUND, FLAG_TLS, FLAG_TLS_KNOWN } from '../event/dictionary.ts'
import type { Workload } from '../rollup/series.ts'
import type { KeyColumns } from '../rollup/stat-blob.ts'
import type { Level } from './families.ts'
import { labelValue } from './label-value.ts'

/**
 * A label in a format, as a text of which each character is a byte; `''` where the value is empty. Texts, because labels
 * are put together and looked up by the hundred thousand, and written as bytes only once.
 */
export type PairEncoder = (name: string, value: string) => string

/** Kinds of workload that have a label of their own, by what Linkerd calls it. */
const KIND_LABELS: ReadonlyMap<string, string> = new Map([
  ['deployment', 'deployment'],
  ['statefulset', 'statefulset'],
  ['daemonset', 'daemonset'],
  ['replicaset', 'replicaset'],
  ['replicationcontroller', 'replicationcontroller'],
  ['cronjob', 'cronjob'],
  ['job', 'k8s_job'],
])

/**
 * The labels of a blob's series as bytes, put together from pieces that are encoded once: a workload's, a pod's, …
 *
 * Inbound series are not told apart by their client, so a pod's series do not grow with who calls it.
 */
export class LabelPieces {
  readonly #keys: KeyColumns
  readonly #isRoute: boolean
  readonly #pair: PairEncoder
  readonly #reporters: (string | undefined)[] = []
  readonly #destinations: (string | undefined)[] = []
  readonly #pods: (string | undefined)[] = []
  readonly #services: (string | undefined)[] = []
  readonly #authorities: (string | undefined)[] = []
  readonly #routes: (string | undefined)[] = []
  readonly #methods: (string | undefined)[] = []
  readonly #inbound: string
  readonly #outbound: string
  readonly #tls: readonly [no: string, yes: string]

  constructor(keys: KeyColumns, level: Level, pair: PairEncoder) {
    this.#keys = keys
    this.#isRoute = level === 'route'
    this.#pair = pair
    this.#inbound = pair('direction', 'inbound')
    this.#outbound = pair('direction', 'outbound')
    this.#tls = [pair('tls', 'no_identity'), pair('tls', 'true')]
  }

  /** The labels of a row. */
  of(row: number): string {
    const keys = this.#keys
    const flags = keys.flags[row]!
    const isOutbound = (flags & FLAG_OUTBOUND) !== 0
    const workload = keys.workload[row]!
    const peer = keys.peer[row]!
    const ends =
      (isOutbound ? this.#outbound : this.#inbound) +
      (this.#reporters[workload] ??= this.#reporter(keys.workloadAt(workload))) +
      this.#text(this.#pods, 'pod', keys.pod[row]!) +
      (isOutbound ? (this.#destinations[peer] ??= this.#destination(keys.workloadAt(peer))) : '') +
      this.#text(this.#services, 'dst_service', keys.service[row]!)
    if (this.#isRoute) {
      return (
        ends +
        this.#text(this.#authorities, 'dst', keys.authority[row]!) +
        this.#text(this.#routes, 'rt_route', keys.route[row]!) +
        this.#text(this.#methods, 'method', keys.method[row]!)
      )
    }
    const tls = (flags & FLAG_TLS_KNOWN) === 0 ? '' : this.#tls[(flags & FLAG_TLS) === 0 ? 0 : 1]
    return ends + this.#text(this.#authorities, 'authority', keys.authority[row]!) + tls
  }

  #text(pieces: (string | undefined)[], name: string, index: number): string {
    return (pieces[index] ??= this.#pair(name, labelValue(this.#keys.text(index))))
  }

  #reporter({ cluster, namespace, kind, name }: Workload): string {
    return this.#pairs([
      ['cluster', cluster],
      ['namespace', namespace],
      [KIND_LABELS.get(kind), name],
      ['workload', workloadText(kind, name)],
    ])
  }

  #destination({ cluster, namespace, kind, name }: Workload): string {
    const own: (readonly [string | undefined, string])[] = [
      ['dst_cluster', cluster],
      ['dst_namespace', namespace],
    ]
    if (this.#isRoute) return this.#pairs(own)
    const label = kind === 'pod' ? 'pod' : KIND_LABELS.get(kind)
    return this.#pairs([...own, [label && `dst_${label}`, name], ['dst_workload', workloadText(kind, name)]])
  }

  #pairs(pairs: readonly (readonly [name: string | undefined, value: string])[]): string {
    return pairs
      .map(([name, value]) => (name === undefined ? '' : this.#pair(name, labelValue(value))))
      .join('')
  }
}

function workloadText(kind: string, name: string): string {
  return kind === '' ? name : `${kind}/${name}`
}
