import type { Dictionary } from './dictionary.ts'
import { type AttributeValues, TEXT } from './otlp-attributes.ts'
import { WORKLOAD_KINDS } from './otlp-conventions.ts'
import { RESOURCE } from './otlp-span-fields.ts'

/** The endpoint that a resource describes, interned: who reports its spans. */
export class Reporter {
  endpoint = 0
  /** Symbols of what peers without their own inherit, and of the proxy's id. */
  cluster = 0
  namespace = 0
  proxy = 0

  read(bytes: Uint8Array, attributes: AttributeValues, dictionary: Dictionary): void {
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
    this.cluster = symbol(RESOURCE.cluster)
    this.namespace = symbol(RESOURCE.namespace)
    this.proxy = symbol(RESOURCE.proxy)
    const pod = symbol(RESOURCE.pod)
    this.endpoint = dictionary.endpoint(
      this.cluster,
      this.namespace,
      kind,
      name,
      pod,
      service,
      symbol(RESOURCE.ip),
      0,
      0,
    )
  }
}
