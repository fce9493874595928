import { FLAG_OUTBOUND, FLAG_TLS, FLAG_TLS_KNOWN } from '../event/dictionary.ts'
import type { Workload } from '../rollup/series.ts'
import type { KeyColumns } from '../rollup/stat-blob.ts'
import type { ByteBuffer } from './byte-buffer.ts'
import type { Level } from './families.ts'
import { labelValue } from './label-value.ts'

/** A label as bytes of a format; none where the value is empty. */
export type PairEncoder = (name: string, value: string) => Buffer

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
  readonly #reporters: (Buffer | undefined)[] = []
  readonly #destinations: (Buffer | undefined)[] = []
  readonly #pods: (Buffer | undefined)[] = []
  readonly #services: (Buffer | undefined)[] = []
  readonly #authorities: (Buffer | undefined)[] = []
  readonly #routes: (Buffer | undefined)[] = []
  readonly #methods: (Buffer | undefined)[] = []
  readonly #inbound: Buffer
  readonly #outbound: Buffer
  readonly #tls: readonly [no: Buffer, yes: Buffer]

  constructor(keys: KeyColumns, level: Level, pair: PairEncoder) {
    this.#keys = keys
    this.#isRoute = level === 'route'
    this.#pair = pair
    this.#inbound = pair('direction', 'inbound')
    this.#outbound = pair('direction', 'outbound')
    this.#tls = [pair('tls', 'no_identity'), pair('tls', 'true')]
  }

  /** Writes the labels of a row. */
  write(row: number, into: ByteBuffer): void {
    const keys = this.#keys
    const flags = keys.flags[row]!
    const isOutbound = (flags & FLAG_OUTBOUND) !== 0
    into.copy(isOutbound ? this.#outbound : this.#inbound)
    const workload = keys.workload[row]!
    into.copy((this.#reporters[workload] ??= this.#reporter(keys.workloadAt(workload))))
    into.copy(this.#text(this.#pods, 'pod', keys.pod[row]!))
    if (isOutbound) {
      const peer = keys.peer[row]!
      into.copy((this.#destinations[peer] ??= this.#destination(keys.workloadAt(peer))))
    }
    into.copy(this.#text(this.#services, 'dst_service', keys.service[row]!))
    if (this.#isRoute) {
      into.copy(this.#text(this.#authorities, 'dst', keys.authority[row]!))
      into.copy(this.#text(this.#routes, 'rt_route', keys.route[row]!))
      into.copy(this.#text(this.#methods, 'method', keys.method[row]!))
      return
    }
    into.copy(this.#text(this.#authorities, 'authority', keys.authority[row]!))
    if ((flags & FLAG_TLS_KNOWN) !== 0) into.copy(this.#tls[(flags & FLAG_TLS) === 0 ? 0 : 1])
  }

  #text(pieces: (Buffer | undefined)[], name: string, index: number): Buffer {
    return (pieces[index] ??= this.#pair(name, labelValue(this.#keys.text(index))))
  }

  #reporter({ cluster, namespace, kind, name }: Workload): Buffer {
    return this.#pairs([
      ['cluster', cluster],
      ['namespace', namespace],
      [KIND_LABELS.get(kind), name],
      ['workload', workloadText(kind, name)],
    ])
  }

  #destination({ cluster, namespace, kind, name }: Workload): Buffer {
    const own: (readonly [string | undefined, string])[] = [
      ['dst_cluster', cluster],
      ['dst_namespace', namespace],
    ]
    if (this.#isRoute) return this.#pairs(own)
    const label = kind === 'pod' ? 'pod' : KIND_LABELS.get(kind)
    return this.#pairs([...own, [label && `dst_${label}`, name], ['dst_workload', workloadText(kind, name)]])
  }

  #pairs(pairs: readonly (readonly [name: string | undefined, value: string])[]): Buffer {
    return Buffer.concat(
      pairs.map(([name, value]) =>
        name === undefined ? Buffer.alloc(0) : this.#pair(name, labelValue(value)),
      ),
    )
  }
}

function workloadText(kind: string, name: string): string {
  return kind === '' ? name : `${kind}/${name}`
}
