import { destination, type Logger, pino } from 'pino'

export type { Logger } from 'pino'

export interface LoggerOptions {
  readonly level: 'debug' | 'info' | 'warn' | 'error' | 'silent'
  /** JSON for machines, one short line each for people. */
  readonly format: 'json' | 'text'
  /** What is added to each line: ids of the span that is active. */
  readonly context?: () => object
}

/** Writes log lines to stderr. Synchronous, so that the last words of a dying process are seen. */
export function createLogger({ level, format, context }: LoggerOptions): Logger {
  const stderr = destination({ fd: 2, sync: true })
  const options = { base: null, level, ...(context === undefined ? {} : { mixin: context }) }
  if (format === 'json') return pino(options, stderr)
  return pino(options, { write: (line: string) => stderr.write(shortLine(line)) })
}

/** A JSON line as `12:00:00.123 warn message key=value`. */
function shortLine(line: string): string {
  const { level, time, msg, ...rest } = JSON.parse(line) as Readonly<Record<string, unknown>>
  const clock = new Date(time as number).toISOString().slice(11, 23)
  const name = pino.levels.labels[level as number] ?? 'info'
  const fields = Object.entries(rest).map(
    ([key, value]) => ` ${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  )
  return `${clock} ${name} ${String(msg)}${fields.join('')}\n`
}
