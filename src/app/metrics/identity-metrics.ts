import type { AddressBook } from '../../identity/address-book.ts'
import type { KubernetesWatch } from '../../identity/kubernetes/kubernetes-watch.ts'
import type { OwnMetrics } from '../../telemetry/own-metrics.ts'

export interface IdentityParts {
  readonly book: Pick<AddressBook, 'stats'>
  /** Most that the book remembers. */
  readonly capacity: number
  readonly watches: readonly { readonly cluster: string; readonly watch: Pick<KubernetesWatch, 'isListed'> }[]
}

/** Tells of the clusters that are watched; that there are none where `parts` is undefined. */
export function addIdentityMetrics(metrics: OwnMetrics, parts: IdentityParts | undefined): void {
  metrics.add((tell) => {
    const { tenures = 0, forgotten = 0, refused = 0 } = parts?.book.stats ?? {}
    tell('meshtap_identity_entries', tenures)
    tell('meshtap_identity_limit', parts?.capacity ?? 0)
    tell('meshtap_identity_forgotten_total', forgotten)
    tell('meshtap_identity_refused_total', refused)
    for (const { cluster, watch } of parts?.watches ?? [])
      tell('meshtap_identity_cluster_listed', watch.isListed ? 1 : 0, { cluster })
  })
}
