import { canonicalAddress } from './address-range.ts'

/** Who a workload is, as far as it is known; fields that are not known are empty. */
export interface Occupant {
  readonly namespace: string
  /** Workload kind in the singular: `deployment`, `statefulset`, …; `service` of a virtual address. */
  readonly kind: string
  readonly name: string
  readonly pod: string
  /** The one service that it answers for; empty where there are none or several. */
  readonly service: string
}

/** Who is at an address, or has a pod's name, for some time. */
export interface Tenure {
  /** Undefined where nobody is known. */
  readonly occupant: Occupant | undefined
  /** Epoch milliseconds: so it is from `fromMs` up to but not including `toMs`. */
  readonly fromMs: number
  readonly toMs: number
}

/** Nobody is known, at any time. */
export const NOBODY: Tenure = { occupant: undefined, fromMs: -Infinity, toMs: Infinity }

/** What a source knows of one pod, service or address. `id` is unique within its cluster for good, as a UID is. */
export interface Entry {
  readonly id: string
  readonly occupant: Occupant
  /** None where the address is shared with others, as a node's is. */
  readonly ips: readonly string[]
  /** Epoch milliseconds from which on it is there. */
  readonly fromMs: number
}

export interface AddressBookOptions {
  /** Milliseconds for which one that is gone is remembered: for events that come late, and those read again. */
  readonly memoryMs: number
  /** Most tenures; beyond it the one that has ended first is forgotten, and where none has ended the new one is refused. */
  readonly capacity: number
  readonly now: () => number
}

interface Place {
  readonly cluster: string
  readonly index: 'ips' | 'pods'
  readonly key: string
}

interface Held {
  readonly entry: Entry
  toMs: number
  readonly places: readonly Place[]
}

interface ClusterBook {
  readonly ips: Map<string, Held[]>
  /** By pod name: pods of one name may be in several namespaces. */
  readonly pods: Map<string, Held[]>
  /** Those that last, by id. */
  readonly present: Map<string, Held>
}

/**
 * Who was at which address when, of any number of clusters. An address that goes from one pod to another has a tenure
 * of each, so that an event is given to the pod that had it at the event's time.
 *
 * Of two that claim an address at one time the one that came last has it, as the kernel's routes do; a pod name that
 * several namespaces have says nothing without a namespace.
 */
export class AddressBook {
  readonly #options: AddressBookOptions
  readonly #clusters = new Map<string, ClusterBook>()
  /** Those that have ended, in the order in which they did. */
  readonly #ended = new Set<Held>()
  #size = 0
  #version = 0
  #refused = 0
  #forgotten = 0

  constructor(options: AddressBookOptions) {
    this.#options = options
  }

  /** Rises whenever an answer may have changed. */
  get version(): number {
    return this.#version
  }

  /** Tenures held, those forgotten, and those refused because all others last. */
  get stats(): { readonly tenures: number; readonly forgotten: number; readonly refused: number } {
    return { tenures: this.#size, forgotten: this.#forgotten, refused: this.#refused }
  }

  /** Says that an entry is there, or what is now known of it. */
  set(cluster: string, entry: Entry): void {
    const book = this.#book(cluster)
    const before = book.present.get(entry.id)
    if (before !== undefined) {
      if (isSame(before.entry, entry)) return
      if (before.entry.ips.every((ip) => entry.ips.includes(ip))) {
        // What is known of it was wrong or less: nothing moved, so its time at addresses that it keeps goes on.
        this.#remove(before)
        book.present.delete(entry.id)
      } else {
        this.end(cluster, entry.id, this.#options.now())
      }
    }
    this.#forgetOld()
    if (this.#size >= this.#options.capacity && !this.#forgetOne()) {
      this.#refused++
      return
    }
    const places: Place[] = entry.ips.flatMap((ip) => {
      const key = canonicalAddress(ip)
      return key === undefined ? [] : [{ cluster, index: 'ips', key }]
    })
    const { pod } = entry.occupant
    if (pod !== '') places.push({ cluster, index: 'pods', key: pod })
    const held: Held = { entry, toMs: Infinity, places }
    for (const { index, key } of places) {
      const list = book[index].get(key)
      if (list === undefined) book[index].set(key, [held])
      else list.push(held)
    }
    book.present.set(entry.id, held)
    this.#size++
    this.#version++
  }

  /** Says that an entry is gone since `atMs`. */
  end(cluster: string, id: string, atMs: number): void {
    const book = this.#clusters.get(cluster)
    const held = book?.present.get(id)
    if (book === undefined || held === undefined) return
    book.present.delete(id)
    held.toMs = Math.max(held.entry.fromMs, atMs)
    this.#ended.add(held)
    this.#version++
    this.#forgetOld()
  }

  /** Ids of a cluster that are there now. */
  present(cluster: string): Iterable<string> {
    return this.#clusters.get(cluster)?.present.keys() ?? []
  }

  /** Who had an address at a time. */
  atAddress(cluster: string, ip: string, atMs: number): Tenure {
    const ips = this.#clusters.get(cluster)?.ips
    if (ips === undefined) return NOBODY
    // Most write it as it is compared, which costs much to find out of IPv6.
    const list = ips.get(ip) ?? ips.get(canonicalAddress(ip) ?? '')
    return list === undefined ? NOBODY : tenureAt(list, atMs)
  }

  /** Who had a pod's name at a time; without a namespace only where no other namespace has the name too. */
  ofPod(cluster: string, namespace: string, pod: string, atMs: number): Tenure {
    const all = this.#clusters.get(cluster)?.pods.get(pod) ?? []
    const list = namespace === '' ? all : all.filter(({ entry }) => entry.occupant.namespace === namespace)
    const namespaces = new Set(list.map(({ entry }) => entry.occupant.namespace))
    return namespaces.size === 1 ? tenureAt(list, atMs) : NOBODY
  }

  #book(cluster: string): ClusterBook {
    let book = this.#clusters.get(cluster)
    if (book === undefined) {
      book = { ips: new Map(), pods: new Map(), present: new Map() }
      this.#clusters.set(cluster, book)
    }
    return book
  }

  #forgetOld(): void {
    const beforeMs = this.#options.now() - this.#options.memoryMs
    for (const held of this.#ended) {
      if (held.toMs >= beforeMs) return
      this.#forget(held)
    }
  }

  #forgetOne(): boolean {
    const [oldest] = this.#ended
    if (oldest === undefined) return false
    this.#forget(oldest)
    return true
  }

  #forget(held: Held): void {
    this.#ended.delete(held)
    this.#remove(held)
    this.#forgotten++
  }

  #remove(held: Held): void {
    for (const { cluster, index, key } of held.places) {
      const map = this.#book(cluster)[index]
      const rest = (map.get(key) ?? []).filter((other) => other !== held)
      if (rest.length === 0) map.delete(key)
      else map.set(key, rest)
    }
    this.#size--
    this.#version++
  }
}

/** The one that came last of those that are there at a time; it holds until another comes or goes. */
function tenureAt(list: readonly Held[], atMs: number): Tenure {
  let found: Held | undefined
  let fromMs = -Infinity
  let toMs = Infinity
  for (const held of list) {
    for (const changeMs of [held.entry.fromMs, held.toMs]) {
      if (changeMs <= atMs) fromMs = Math.max(fromMs, changeMs)
      else toMs = Math.min(toMs, changeMs)
    }
    if (held.entry.fromMs > atMs || atMs >= held.toMs) continue
    if (found === undefined || held.entry.fromMs >= found.entry.fromMs) found = held
  }
  return { occupant: found?.entry.occupant, fromMs, toMs }
}

function isSame(a: Entry, b: Entry): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}
