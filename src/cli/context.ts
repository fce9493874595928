import type { Readable, Writable } from 'node:stream'
import { terminalEnvironment } from '../config/client.ts'

/** A stream that people may be looking at. */
export interface OutputStream extends Writable {
  readonly isTTY?: boolean
  readonly columns?: number
  readonly rows?: number
}

export interface InputStream extends Readable {
  readonly isTTY?: boolean
  setRawMode?(mode: boolean): unknown
}

/** What a command has to do with besides its arguments. */
export interface CliContext {
  readonly stdin: InputStream
  readonly stdout: OutputStream
  readonly stderr: OutputStream
  /** Whether the standard output shows colours. */
  readonly colors: boolean
  /** Whether whole screens can be drawn. */
  readonly isInteractive: boolean
  /** Whether a progress bar can be drawn on the standard error. */
  readonly showsProgress: boolean
  readonly version: string
  /** Epoch milliseconds. */
  readonly now: () => number
}

export function processContext(version: string): CliContext {
  const stdin: InputStream = process.stdin
  const stdout: OutputStream = process.stdout
  const stderr: OutputStream = process.stderr
  const { noColor, isDumb } = terminalEnvironment()
  const isTerminal = stdout.isTTY === true
  return {
    stdin,
    stdout,
    stderr,
    colors: isTerminal && !noColor && !isDumb,
    isInteractive: isTerminal && stdin.isTTY === true && !isDumb,
    showsProgress: stderr.isTTY === true && !isDumb,
    version,
    now: Date.now,
  }
}

/** Writes a line to the standard error: what is not the answer. */
export function note(context: Pick<CliContext, 'stderr'>, line: string): void {
  context.stderr.write(`${line}\n`)
}
