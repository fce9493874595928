import { type LogLine, valueAt } from './log-line.ts'

export type Scalar = string | number | boolean

/** How one value of an event is read from a line. */
export interface Rule {
  /** Paths, the first that has a value counts. Without any the value is `constant`. */
  readonly fields: readonly (readonly string[])[]
  /** The part that it keeps: the first group, or all that matches. What does not match has no value. */
  readonly match?: RegExp
  /** What stands for what; an empty text stands for no value. What is not listed stays. */
  readonly map?: ReadonlyMap<string, Scalar>
  /** Where there is no value. */
  readonly constant?: Scalar
}

export function valueOf(rule: Rule, line: LogLine): Scalar | undefined {
  for (const path of rule.fields) {
    let value = valueAt(line, path)
    if (value !== undefined && rule.match !== undefined) {
      value = matched(rule.match, String(value))
    }
    if (value !== undefined && rule.map !== undefined) value = rule.map.get(String(value)) ?? value
    if (value !== undefined && value !== '') return value
  }
  return rule.constant
}

/**
 * Longest text that is matched. Many a plain pattern takes time that grows with the square of the text's length, and what is in a
 * log line is for its sender to say.
 */
const MAX_MATCHED = 1024

function matched(pattern: RegExp, text: string): string | undefined {
  if (text.length > MAX_MATCHED) return undefined
  const found = pattern.exec(text)
  return found === null ? undefined : (found[1] ?? found[0])
}

/** The names of a rule's fields, for messages. */
export function namesOf({ fields }: Rule): string {
  return fields.map((path) => path.join('.')).join(' or ')
}

/** When a line, or a part of it, counts. */
export interface Condition {
  readonly rule: Rule
  /** Values that it must be one of; without them any value will do. */
  readonly among?: ReadonlySet<string>
  /** It must not be so. */
  readonly isNot: boolean
}

export function holds({ rule, among, isNot }: Condition, line: LogLine): boolean {
  const value = valueOf(rule, line)
  const isSo = value !== undefined && (among === undefined || among.has(String(value)))
  return isSo !== isNot
}
