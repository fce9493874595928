import type { Workload } from '../rollup/series.ts'
import type { WorkloadAnswer } from './answer.ts'

/** A workload, without what a label of it may hold besides. */
export function workloadAnswer({ cluster, namespace, kind, name }: Workload): WorkloadAnswer {
  return { cluster, namespace, kind, name }
}
