import type { FlowView } from '../flow-view.ts'
import { compileGlob, isGlob } from '../glob.ts'

/** Whether the path, its query string left out, begins with the text given, or matches it whole where it is a glob. */
export function pathPredicate(path: string): (flow: FlowView) => boolean {
  if (!isGlob(path)) return (flow) => flow.path.startsWith(path)
  const matches = compileGlob(path)
  return (flow) => matches(flow.path)
}
