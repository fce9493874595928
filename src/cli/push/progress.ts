import type { OutputStream } from '../context.ts'
import { fitted } from '../printers/display-width.ts'
import { grouped } from '../printers/number-format.ts'
import { printable } from '../printers/printable.ts'

export interface Progress {
  readonly name: string
  /** Bytes read of `size`, which is unknown for a pipe. */
  readonly bytes: number
  readonly size: number | undefined
  readonly sent: number
  /** What is counted: events, or messages. */
  readonly unit: string
  readonly elapsedMs: number
  /** Why the last try failed, while one is being repeated. */
  readonly trouble: string | undefined
}

const BAR = 24

/** One line of at most `columns`, without its end. */
export function progressLine(progress: Progress, columns: number): string {
  const { name, bytes, size, sent, unit, elapsedMs, trouble } = progress
  const share = size === undefined || size === 0 ? undefined : Math.min(1, bytes / size)
  const rate = elapsedMs < 500 ? '' : `  ${grouped(Math.round((sent * 1000) / elapsedMs))}/s`
  const line =
    `${printable(name)}  ${share === undefined ? '' : bar(share)}${grouped(sent)} ${unit}${rate}` +
    (trouble === undefined ? '' : `  again: ${printable(trouble)}`)
  return fitted(line, columns)
}

function bar(share: number): string {
  const full = Math.round(share * BAR)
  return `[${'#'.repeat(full)}${'.'.repeat(BAR - full)}] ${String(Math.floor(share * 100)).padStart(3)}%  `
}

/** Least time between two drawings. */
const PERIOD_MS = 100

/** Draws a progress line on a terminal, over and over. Where there is none, does nothing. */
export class ProgressBar {
  readonly #stream: OutputStream | undefined
  readonly #now: () => number
  #drawnMs = 0
  #isShown = false

  constructor(stream: OutputStream | undefined, now: () => number) {
    this.#stream = stream
    this.#now = now
  }

  show(progress: () => Progress, force = false): void {
    if (this.#stream === undefined) return
    const now = this.#now()
    if (!force && now - this.#drawnMs < PERIOD_MS) return
    this.#drawnMs = now
    this.#isShown = true
    this.#stream.write(`\r${progressLine(progress(), (this.#stream.columns || 80) - 1)}\u001b[K`)
  }

  clear(): void {
    if (this.#isShown) this.#stream?.write('\r\u001b[K')
    this.#isShown = false
  }
}
