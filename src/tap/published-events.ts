import type { RequestEvent } from '../event/event.ts'
import type { EventColumns } from '../event/event-columns.ts'
import { requestAt } from '../event/event-objects.ts'
import type { FlowTableOptions } from '../rollup/flow-table.ts'
import { DEFAULT_REDACTION, type Redaction } from '../rollup/redaction.ts'
import { redact } from './redaction.ts'
import type { TapQuery } from './tap-query.ts'
import { withCluster } from './tap-publisher.ts'
import { compileTapView, eventWithin, type TapView } from './tap-view.ts'

/** Makes of a matching event what a tap may show: as the publisher does, for who matches elsewhere. */
export class PublishedEvents {
  readonly #defaultCluster: string
  readonly #redaction: Redaction
  readonly #view: TapView | undefined

  constructor({ scopes }: TapQuery, { defaultCluster, redaction }: FlowTableOptions) {
    this.#defaultCluster = defaultCluster
    this.#redaction = redaction ?? DEFAULT_REDACTION
    this.#view = scopes && compileTapView(scopes)
  }

  /** `cluster` is of events that name none. Undefined where nothing of the event is shown. */
  event(columns: EventColumns, index: number, cluster: string): RequestEvent | undefined {
    const event = redact(requestAt(columns, index), this.#redaction)
    if (this.#view !== undefined) return eventWithin(withCluster(event, cluster), this.#view)
    return withCluster(event, cluster === this.#defaultCluster ? undefined : cluster)
  }
}
