/** A line of an access log: an object of JSON. */
export type LogLine = Readonly<Record<string, unknown>>

/** Texts that proxies write where there is nothing. */
const NOTHING: ReadonlySet<unknown> = new Set([undefined, null, '', '-'])

/**
 * The value at a path such as `request.host`, and of a list its first; undefined where there is none, or what stands for
 * none (`-`). A key that has dots in it is found as it is written.
 */
export function valueAt(line: LogLine, path: readonly string[]): string | number | boolean | undefined {
  let value: unknown = Object.hasOwn(line, path.join('.')) ? line[path.join('.')] : line
  if (value === line) {
    for (const key of path) {
      if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined
      value = (value as LogLine)[key]
    }
  }
  if (Array.isArray(value)) value = value[0]
  if (NOTHING.has(value)) return undefined
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? value
    : undefined
}
