import { type CliContext, note } from './context.ts'
import { printable } from './printers/printable.ts'

/** A log for people, on the standard error. */
export function stderrLog(context: CliContext): { info(message: string): void; warn(message: string): void } {
  return {
    info: (message) => note(context, printable(message)),
    warn: (message) => note(context, `warning: ${printable(message)}`),
  }
}
