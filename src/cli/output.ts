import { type Command, Option } from 'commander'
import type { CliContext } from './context.ts'
import { printableJson } from './printers/printable.ts'

export const TABLE_OUTPUTS = ['table', 'wide', 'json'] as const

export type TableOutput = (typeof TABLE_OUTPUTS)[number]

export interface OutputFlags {
  readonly output: TableOutput
}

export function addTableOutput(command: Command, wide: string): Command {
  return command.addOption(
    new Option('-o, --output <format>', `table, wide (${wide}), or json`)
      .choices(TABLE_OUTPUTS)
      .default('table' satisfies TableOutput),
  )
}

export function printJson(context: CliContext, value: object): void {
  context.stdout.write(`${printableJson(JSON.stringify(value, null, 2))}\n`)
}
