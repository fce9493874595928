import type { TapAnswer, TapEventAnswer } from '../../query/answer.ts'
import type { CliContext } from '../context.ts'
import { painter } from '../printers/paint.ts'
import { printableJson } from '../printers/printable.ts'
import { TapCompact } from '../printers/tap-compact.ts'
import { TapLines } from '../printers/tap-lines.ts'
import { tapEventOf } from './tap-event.ts'

export const TAP_FORMATS = ['lines', 'wide', 'compact', 'json'] as const

export interface TapOutputFlags {
  readonly output?: (typeof TAP_FORMATS)[number]
  readonly namespace?: string
  /** Events to print. */
  readonly limit?: number
}

/** Text that the output may owe its reader; events beyond it are not printed, and counted. */
const MAX_UNWRITTEN_BYTES = 16 * 1024 * 1024

type Print = (event: TapEventAnswer, connection: number) => string

/** Prints a tap's events as they come, up to the limit. */
export class TapOutput {
  readonly #stdout: CliContext['stdout']
  readonly #print: Print
  readonly #enough = new AbortController()
  #left: number
  #unprinted = 0

  constructor(context: CliContext, flags: TapOutputFlags) {
    this.#stdout = context.stdout
    this.#print = printOf(context, flags)
    this.#left = flags.limit ?? Number.POSITIVE_INFINITY
  }

  /** Aborts once the limit is reached. */
  get enough(): AbortSignal {
    return this.#enough.signal
  }

  /** Events that the reader of the output was too slow for. */
  get unprinted(): number {
    return this.#unprinted
  }

  print({ events }: TapAnswer, connection: number): void {
    for (const event of events) {
      if (this.#left === 0) break
      this.#left--
      if (this.#stdout.writableLength > MAX_UNWRITTEN_BYTES) this.#unprinted++
      else this.#stdout.write(this.#print(event, connection))
    }
    if (this.#left === 0) this.#enough.abort()
  }
}

function printOf({ stdout, colors }: CliContext, { output, namespace }: TapOutputFlags): Print {
  const format = output ?? (stdout.isTTY ? 'compact' : 'lines')
  switch (format) {
    case 'lines':
    case 'wide': {
      const lines = new TapLines({ withLabels: format === 'wide' })
      return (event, connection) => lines.print(tapEventOf(event), connection)
    }
    case 'compact': {
      const paint = painter(colors)
      const compact = new TapCompact({ paint, ...(namespace === undefined ? {} : { namespace }) })
      return (event) => compact.print(tapEventOf(event))
    }
    case 'json':
      return (event) => `${printableJson(JSON.stringify(event))}\n`
  }
}
