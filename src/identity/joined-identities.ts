import { NOBODY, type Tenure } from './address-book.ts'
import type { Identities } from './identities.ts'

/** Several sources as one: the first that knows answers. */
export class JoinedIdentities implements Identities {
  readonly #sources: readonly Identities[]

  constructor(sources: readonly Identities[]) {
    this.#sources = sources
  }

  get version(): number {
    return this.#sources.reduce((sum, { version }) => sum + version, 0)
  }

  atAddress(cluster: string, ip: string, atMs: number): Tenure {
    return this.#first((source) => source.atAddress(cluster, ip, atMs))
  }

  ofPod(cluster: string, namespace: string, pod: string, atMs: number): Tenure {
    return this.#first((source) => source.ofPod(cluster, namespace, pod, atMs))
  }

  #first(ask: (source: Identities) => Tenure): Tenure {
    let answer = NOBODY
    for (const source of this.#sources) {
      answer = orElse(answer, ask(source))
      if (answer.occupant !== undefined) break
    }
    return answer
  }
}

/** What another says where nobody is known, for as long as both hold. */
export function orElse(first: Tenure, second: Tenure): Tenure {
  if (first.occupant !== undefined) return first
  return {
    occupant: second.occupant,
    fromMs: Math.max(first.fromMs, second.fromMs),
    toMs: Math.min(first.toMs, second.toMs),
  }
}
