import type { OutcomeClass } from '../outcome-classes.ts'
import type { StatusFilter } from '../tap-query.ts'

/** Whether an outcome has the status or the classification wanted. */
export type OutcomePredicate = (outcome: OutcomeClass) => boolean

export function statusPredicate(filter: StatusFilter): OutcomePredicate {
  if (filter.kind === 'exact') return ({ status }) => status === filter.status
  if (filter.kind === 'class') return ({ status }) => Math.floor(status / 100) === filter.hundreds
  return ({ classification }) => classification === filter.classification
}
