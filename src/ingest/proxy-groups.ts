import { type Dictionary, FLAG_OUTBOUND } from '../event/dictionary.ts'
import { EventColumns } from '../event/event-columns.ts'
import { copyConnection, copyRequest } from './copy-rows.ts'

/** Rows kept in a scratch between uses; one that grew beyond is given up. */
const KEPT_ROWS = 65_536

/**
 * Splits events by the proxy that reports them, so that one proxy's events stay in one partition, in order.
 *
 * Works on columns: the group of a flow is found once, rows are counted and sorted by it, and each group is copied into a
 * scratch that the next one reuses.
 */
export class ProxyGroups {
  /** Group of a flow, valid where its stamp is the current one. */
  #flowGroup = new Int32Array(1024)
  #flowStamp = new Int32Array(1024)
  #stamp = 0
  readonly #groups = new Map<number, number>()
  readonly #keys: (string | undefined)[] = []
  #scratch: EventColumns | undefined

  /**
   * Calls `take` with the events of each proxy and the key of its log records: its id, else its pod, else its workload;
   * undefined where nothing is known of it. The columns are valid during the call only.
   */
  forEach(columns: EventColumns, take: (key: string | undefined, events: EventColumns) => void): void {
    if (columns.requests + columns.connections === 0) return
    this.#begin(columns.dictionary)
    const requestGroup = this.#assign(columns.dictionary, columns.flow, columns.requests)
    const connectionGroup = this.#assign(columns.dictionary, columns.connectionFlow, columns.connections)
    if (this.#keys.length === 1) {
      take(this.#keys[0], columns)
      return
    }
    const requests = sortedByGroup(requestGroup, this.#keys.length)
    const connections = sortedByGroup(connectionGroup, this.#keys.length)
    for (let group = 0; group < this.#keys.length; group++) {
      const scratch = this.#emptyScratch(columns.dictionary)
      for (let at = requests.ends[group - 1] ?? 0; at < requests.ends[group]!; at++) {
        copyRequest(columns, requests.rows[at]!, scratch)
      }
      for (let at = connections.ends[group - 1] ?? 0; at < connections.ends[group]!; at++) {
        copyConnection(columns, connections.rows[at]!, scratch)
      }
      take(this.#keys[group], scratch)
    }
  }

  #begin(dictionary: Dictionary): void {
    this.#groups.clear()
    this.#keys.length = 0
    if (dictionary.flowCount > this.#flowGroup.length) {
      const length = Math.max(dictionary.flowCount, this.#flowGroup.length * 2)
      this.#flowGroup = new Int32Array(length)
      this.#flowStamp = new Int32Array(length)
      this.#stamp = 0
    }
    this.#stamp++
  }

  #assign(dictionary: Dictionary, flows: Int32Array, count: number): Int32Array {
    const rowGroup = new Int32Array(count)
    for (let i = 0; i < count; i++) {
      const flow = flows[i]!
      if (this.#flowStamp[flow] !== this.#stamp) {
        this.#flowStamp[flow] = this.#stamp
        this.#flowGroup[flow] = this.#groupOf(dictionary, flow)
      }
      rowGroup[i] = this.#flowGroup[flow]!
    }
    return rowGroup
  }

  #groupOf(dictionary: Dictionary, flow: number): number {
    const identity = reporter(dictionary, flow)
    const known = this.#groups.get(identity)
    if (known !== undefined) return known
    const group = this.#keys.length
    this.#groups.set(identity, group)
    this.#keys.push(keyOf(dictionary, identity))
    return group
  }

  #emptyScratch(dictionary: Dictionary): EventColumns {
    const scratch = this.#scratch
    if (scratch?.dictionary === dictionary && scratch.flow.length <= KEPT_ROWS) {
      scratch.clear()
      return scratch
    }
    return (this.#scratch = new EventColumns(dictionary))
  }
}

/** Who reports a flow: the symbol of its proxy or pod, or, where it names neither, minus its endpoint's id. */
function reporter(dictionary: Dictionary, flow: number): number {
  const proxy = dictionary.flowSymbol(flow, 'proxy')
  if (proxy !== 0) return proxy
  const endpoint =
    dictionary.flowFlags(flow) & FLAG_OUTBOUND
      ? dictionary.flowSource(flow)
      : dictionary.flowDestination(flow)
  return dictionary.endpointSymbol(endpoint, 'pod') || -endpoint
}

function keyOf(dictionary: Dictionary, identity: number): string | undefined {
  if (identity > 0) return dictionary.symbols.text(identity)
  if (identity === 0) return undefined
  const texts = (['cluster', 'namespace', 'kind', 'name'] as const).map((field) =>
    dictionary.endpointText(-identity, field),
  )
  if (texts.at(-1) !== '') return texts.join('/')
  return dictionary.endpointText(-identity, 'ip') || undefined
}

/** Rows in order of their group, and where each group ends. */
function sortedByGroup(rowGroup: Int32Array, groups: number): { rows: Int32Array; ends: Int32Array } {
  const ends = new Int32Array(groups)
  for (const group of rowGroup) ends[group]!++
  let sum = 0
  for (let group = 0; group < groups; group++) {
    const count = ends[group]!
    ends[group] = sum
    sum += count
  }
  const rows = new Int32Array(rowGroup.length)
  for (let row = 0; row < rowGroup.length; row++) rows[ends[rowGroup[row]!]!++] = row
  return { rows, ends }
}
