import type { FlowView } from '../flow-view.ts'
import { compileGlob, isGlob } from '../glob.ts'

/** Whether the authority is the one given in lower case, or matches the glob. */
export function authorityPredicate(authority: string): (flow: FlowView) => boolean {
  if (!isGlob(authority)) return (flow) => flow.authority === authority
  const matches = compileGlob(authority)
  return (flow) => matches(flow.authority)
}
