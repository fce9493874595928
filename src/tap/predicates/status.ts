import { classify, type ClassificationRules } from '../../event/classification.ts'
import type { Dictionary } from '../../event/dictionary.ts'
import type { StatusFilter } from '../tap-query.ts'

/** Whether an outcome of a dictionary has the status or the classification wanted. */
export type OutcomePredicate = (dictionary: Dictionary, outcome: number) => boolean

export function statusPredicate(filter: StatusFilter, rules: ClassificationRules): OutcomePredicate {
  if (filter.kind === 'exact')
    return (dictionary, outcome) => dictionary.outcomeStatus(outcome) === filter.status
  if (filter.kind === 'class') {
    return (dictionary, outcome) => Math.floor(dictionary.outcomeStatus(outcome) / 100) === filter.hundreds
  }
  return (dictionary, outcome) =>
    classify(
      dictionary.outcomeStatus(outcome),
      dictionary.outcomeGrpcStatus(outcome),
      dictionary.outcomeReset(outcome),
      rules,
    ) === filter.classification
}
