import type { Dictionary } from './dictionary.ts'
import { type AttributeValues, TEXT } from './otlp-attributes.ts'
import { WORKLOAD_KINDS } from './otlp-conventions.ts'
import { RESOURCE } from './otlp-span-fields.ts'
import { MAX_SYMBOL_BYTES, Symbols } from './symbols.ts'

/** Resources remembered with a dictionary; when there are more, or more bytes of them, all are forgotten. */
const MAX_RESOURCES = 10_000
const MAX_RESOURCE_BYTES = 4 * 1024 * 1024

/** What a resource means: who reports its spans, as an endpoint's id and symbols of a dictionary. */
interface Report {
  readonly endpoint: number
  /** What peers without their own inherit. */
  readonly cluster: number
  readonly namespace: number
  readonly proxy: number
  /** Attributes and fields of the resource that are not known. */
  readonly unknownFields: number
}

/**
 * Reads resources as who reports their spans.
 *
 * A sender repeats its resource in every message, so what each means is remembered by its bytes, with the dictionary
 * that gives it meaning.
 */
export class Reporter implements Report {
  endpoint = 0
  cluster = 0
  namespace = 0
  proxy = 0
  unknownFields = 0
  readonly #memories = new WeakMap<Dictionary, ResourceMemory>()
  #memory = new ResourceMemory()
  #dictionary: Dictionary | undefined

  begin(dictionary: Dictionary): void {
    this.#dictionary = dictionary
    const memory = this.#memories.get(dictionary)
    if (memory !== undefined && !memory.overfull) {
      this.#memory = memory
      return
    }
    this.#memory = new ResourceMemory()
    this.#memories.set(dictionary, this.#memory)
  }

  end(): void {
    this.#dictionary = undefined
    this.#memory = NO_MEMORY
  }

  /** Takes what the resource in `bytes[start, end)` means from memory; says whether it was there. */
  recall(bytes: Uint8Array, start: number, end: number): boolean {
    const report = this.#memory.get(bytes, start, end)
    if (report === undefined) return false
    this.#take(report)
    return true
  }

  /** Remembers what was read last as the meaning of `bytes[start, end)`. */
  remember(bytes: Uint8Array, start: number, end: number): void {
    const { endpoint, cluster, namespace, proxy, unknownFields } = this
    this.#memory.set(bytes, start, end, { endpoint, cluster, namespace, proxy, unknownFields })
  }

  read(bytes: Uint8Array, attributes: AttributeValues, unknownFields: number): void {
    const dictionary = this.#dictionary!
    const { symbols } = dictionary
    const { starts, ends } = attributes
    const symbol = (field: number): number =>
      attributes.kind(field) === TEXT ? symbols.internBytes(bytes, starts[field]!, ends[field]!) : 0
    const service = symbol(RESOURCE.service)
    let name = 0
    let kind = 0
    for (const candidate of WORKLOAD_KINDS) {
      name = symbol(RESOURCE[candidate])
      if (name === 0) continue
      kind = symbols.intern(candidate)
      break
    }
    if (name === 0 && service !== 0) {
      name = service
      kind = symbols.intern('deployment')
    }
    const cluster = symbol(RESOURCE.cluster)
    const namespace = symbol(RESOURCE.namespace)
    const proxy = symbol(RESOURCE.proxy)
    const pod = symbol(RESOURCE.pod)
    const ip = symbol(RESOURCE.ip)
    const endpoint = dictionary.endpoint(cluster, namespace, kind, name, pod, service, ip, 0, 0)
    this.#take({ endpoint, cluster, namespace, proxy, unknownFields })
  }

  #take({ endpoint, cluster, namespace, proxy, unknownFields }: Report): void {
    this.endpoint = endpoint
    this.cluster = cluster
    this.namespace = namespace
    this.proxy = proxy
    this.unknownFields = unknownFields
  }
}

/** Reports by the bytes of their resources. */
class ResourceMemory {
  /** Used as a set of byte strings: their ids count from 1. */
  readonly #resources = new Symbols()
  readonly #reports: (Report | undefined)[] = [undefined]

  get overfull(): boolean {
    return this.#resources.size > MAX_RESOURCES || this.#resources.bytes > MAX_RESOURCE_BYTES
  }

  get(bytes: Uint8Array, start: number, end: number): Report | undefined {
    return isRemembered(start, end)
      ? this.#reports[this.#resources.internBytes(bytes, start, end)]
      : undefined
  }

  set(bytes: Uint8Array, start: number, end: number, report: Report): void {
    if (isRemembered(start, end)) this.#reports[this.#resources.internBytes(bytes, start, end)] = report
  }
}

const NO_MEMORY = new ResourceMemory()

/** Symbols are cut at a length: two longer resources might be taken for one another. */
function isRemembered(start: number, end: number): boolean {
  return end > start && end - start <= MAX_SYMBOL_BYTES
}
