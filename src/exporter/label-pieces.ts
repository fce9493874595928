import { FLAG_OUTBOUND, FLAG_TLS, FLAG_TLS_KNOWN } from '../event/dictionary.ts'
import type { KeyColumns } from '../rollup/stat-blob.ts'
import { ByteBuffer } from './byte-buffer.ts'
import type { Level } from './families.ts'
import { isPlain, labelValue } from './label-value.ts'
import type { PieceTable } from './piece-table.ts'

/** How a format writes labels. Names are shorter than 128 bytes. */
export interface LabelEncoder {
  /** A label as a text of which each character is a byte; `''` where the value is empty. */
  readonly pair: (name: string, value: string) => string
  /** The same of a value that is not empty, and plain: see `isPlain`. */
  readonly plainPair: (into: ByteBuffer, name: Buffer, value: Uint8Array, start: number, end: number) => void
}

/** Pieces of a label set: direction, reporter, destination, service, authority, TLS or route and method, pod. */
export const PIECES = { workload: 7, route: 8 } as const satisfies Readonly<Record<Level, number>>

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

const SLASH = 0x2f

/** The name of a label, as text and as bytes. */
interface LabelName {
  readonly text: string
  readonly bytes: Buffer
}

const named = (text: string): LabelName => ({ text, bytes: Buffer.from(text) })

/** Labels of a workload that reports, and of one that is called. */
const SIDES = [
  { prefix: '', cluster: named('cluster'), namespace: named('namespace'), workload: named('workload') },
  {
    prefix: 'dst_',
    cluster: named('dst_cluster'),
    namespace: named('dst_namespace'),
    workload: named('dst_workload'),
  },
] as const

const NAMES = {
  pod: named('pod'),
  service: named('dst_service'),
  authority: named('authority'),
  dst: named('dst'),
  route: named('rt_route'),
  method: named('method'),
}

/**
 * The labels of a blob's series as numbers of pieces, each worked out once a blob, and from bytes, without making texts of
 * those that are plain. The pod is the last piece, since it is what the next series differs in.
 *
 * Inbound series are not told apart by their client, so a pod's series do not grow with who calls it.
 */
export class LabelPieces {
  readonly #keys: KeyColumns
  readonly #isRoute: boolean
  readonly #encoder: LabelEncoder
  readonly #table: PieceTable
  readonly #kindNames = new Map<string, LabelName | undefined>()
  readonly #value = new ByteBuffer(256)
  /** Numbers plus one of pieces that are known, by the index of the workload or string. */
  readonly #reporters: Int32Array
  readonly #destinations: Int32Array
  readonly #pods: Int32Array
  readonly #services: Int32Array
  readonly #authorities: Int32Array
  readonly #routes: Int32Array
  readonly #methods: Int32Array
  readonly #inbound: number
  readonly #outbound: number
  readonly #tls: readonly [no: number, yes: number]

  constructor(keys: KeyColumns, level: Level, encoder: LabelEncoder, table: PieceTable) {
    const { stringCount } = keys.tables
    const isRoute = level === 'route'
    this.#keys = keys
    this.#isRoute = isRoute
    this.#encoder = encoder
    this.#table = table
    this.#reporters = new Int32Array(keys.workloads.name.length)
    this.#destinations = new Int32Array(keys.workloads.name.length)
    this.#pods = new Int32Array(stringCount)
    this.#services = new Int32Array(stringCount)
    this.#authorities = new Int32Array(stringCount)
    this.#routes = new Int32Array(isRoute ? stringCount : 0)
    this.#methods = new Int32Array(isRoute ? stringCount : 0)
    this.#inbound = this.#pair('direction', 'inbound')
    this.#outbound = this.#pair('direction', 'outbound')
    this.#tls = [this.#pair('tls', 'no_identity'), this.#pair('tls', 'true')]
  }

  /** Writes a row's pieces into `ids`, which has room for `PIECES` of its level. Throws a DecodeError for a bad index. */
  read(row: number, ids: Uint32Array): void {
    const keys = this.#keys
    const flags = keys.flags[row]!
    const isOutbound = (flags & FLAG_OUTBOUND) !== 0
    ids[0] = isOutbound ? this.#outbound : this.#inbound
    ids[1] = this.#workload(this.#reporters, 0, keys.workload[row]!)
    ids[2] = isOutbound ? this.#workload(this.#destinations, 1, keys.peer[row]!) : 0
    ids[3] = this.#text(this.#services, NAMES.service, keys.service[row]!)
    if (this.#isRoute) {
      ids[4] = this.#text(this.#authorities, NAMES.dst, keys.authority[row]!)
      ids[5] = this.#text(this.#routes, NAMES.route, keys.route[row]!)
      ids[6] = this.#text(this.#methods, NAMES.method, keys.method[row]!)
    } else {
      ids[4] = this.#text(this.#authorities, NAMES.authority, keys.authority[row]!)
      ids[5] = (flags & FLAG_TLS_KNOWN) === 0 ? 0 : this.#tls[(flags & FLAG_TLS) === 0 ? 0 : 1]
    }
    ids[ids.length - 1] = this.#text(this.#pods, NAMES.pod, keys.pod[row]!)
  }

  #pair(name: string, value: string): number {
    this.#table.next.binary(this.#encoder.pair(name, value))
    return this.#table.end()
  }

  #text(known: Int32Array, name: LabelName, index: number): number {
    const id = known[index]
    if (id !== undefined && id > 0) return id - 1
    this.#writeText(name, index)
    const added = this.#table.end()
    known[index] = added + 1
    return added
  }

  #workload(known: Int32Array, side: 0 | 1, index: number): number {
    const id = known[index]
    if (id !== undefined && id > 0) return id - 1
    const { prefix, cluster, namespace, workload } = SIDES[side]
    const { tables, workloads } = this.#keys
    const kindString = workloads.kind[index] ?? tables.stringCount
    const nameString = workloads.name[index] ?? tables.stringCount
    this.#writeText(cluster, workloads.cluster[index] ?? tables.stringCount)
    this.#writeText(namespace, workloads.namespace[index] ?? tables.stringCount)
    // Which workload is called is told of services, not of each of their routes.
    if (side === 0 || !this.#isRoute) {
      const kindName = this.#kindName(prefix, tables.string(kindString))
      if (kindName !== undefined) this.#writeText(kindName, nameString)
      this.#writeWorkload(workload, kindString, nameString)
    }
    const added = this.#table.end()
    known[index] = added + 1
    return added
  }

  /** The label that a kind of workload has of its own. */
  #kindName(prefix: string, kind: string): LabelName | undefined {
    const known = this.#kindNames.get(prefix + kind)
    if (known !== undefined) return known
    // What is called may be known as a pod only; who reports has its pod as a label anyway.
    const label = prefix !== '' && kind === 'pod' ? 'pod' : KIND_LABELS.get(kind)
    if (label === undefined) return undefined
    const name = named(prefix + label)
    this.#kindNames.set(prefix + kind, name)
    return name
  }

  #writeText(name: LabelName, index: number): void {
    const { tables } = this.#keys
    const start = tables.startOf(index)
    const end = tables.endOf(index)
    if (start === end) return
    if (isPlain(tables.blob, start, end)) {
      this.#encoder.plainPair(this.#table.next, name.bytes, tables.blob, start, end)
    } else {
      this.#table.next.binary(this.#encoder.pair(name.text, labelValue(tables.string(index))))
    }
  }

  #writeWorkload(label: LabelName, kind: number, name: number): void {
    const { tables } = this.#keys
    const value = this.#value
    value.length = 0
    value.copyRange(tables.blob, tables.startOf(kind), tables.endOf(kind))
    if (value.length > 0) value.byte(SLASH)
    value.copyRange(tables.blob, tables.startOf(name), tables.endOf(name))
    if (value.length === 0) return
    if (isPlain(value.bytes, 0, value.length)) {
      this.#encoder.plainPair(this.#table.next, label.bytes, value.bytes, 0, value.length)
    } else {
      const kindText = tables.string(kind)
      const text = kindText === '' ? tables.string(name) : `${kindText}/${tables.string(name)}`
      this.#table.next.binary(this.#encoder.pair(label.text, labelValue(text)))
    }
  }
}
