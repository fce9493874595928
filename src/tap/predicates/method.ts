import type { FlowView } from '../flow-view.ts'

/** Whether the method is the one given in upper case. */
export function methodPredicate(method: string): (flow: FlowView) => boolean {
  return (flow) => flow.method === method || flow.method.toUpperCase() === method
}
