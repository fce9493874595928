import { RESOURCE_KINDS, type ResourceKindName } from '../../rollup/resource-kind.ts'
import { MISSING } from './number-format.ts'
import { printable } from './printable.ts'

/** A kind as kubectl abbreviates it: `deploy`, `po`; kinds without a short name as they are. */
export function shortKind(kind: string): string {
  const names: readonly string[] | undefined = RESOURCE_KINDS[kind as ResourceKindName]
  // The plural comes last; what stands before it is short.
  return names !== undefined && names.length > 1 ? names[0]! : kind
}

export interface Named {
  readonly kind: string
  readonly name: string
}

/** A resource's name, with the short kind before it where several kinds are shown. */
export function resourceName({ kind, name }: Named, withKind: boolean): string {
  return textOrMissing(withKind && name !== '' ? `${shortKind(kind)}/${name}` : name)
}

/** A text from an answer; `-` where it is empty. */
export function textOrMissing(text: string | null): string {
  return text === null || text === '' ? MISSING : printable(text)
}

/** Whether the things shown are of several kinds, in several clusters, … */
export function isSeveral<R>(rows: readonly R[], of: (row: R) => string): boolean {
  const first = rows[0]
  return first !== undefined && rows.some((row) => of(row) !== of(first))
}
