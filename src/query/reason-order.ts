import type { ReasonRow } from './answer.ts'
import { byTexts } from './row-order.ts'

const byResource = byTexts<ReasonRow>(
  (row) => row.kind,
  (row) => row.cluster,
  (row) => row.namespace,
  (row) => row.name,
)
const byReason = byTexts<ReasonRow>((row) => row.reason)

/** By resource; of each, what fails most first. */
export function reasonOrder(a: ReasonRow, b: ReasonRow): number {
  return byResource(a, b) || b.failures - a.failures || b.requests - a.requests || byReason(a, b)
}
