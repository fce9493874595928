import type { InputStream, OutputStream } from '../context.ts'
import { type Key, parseKeys } from './keys.ts'

const ENTER = '\u001b[?1049h\u001b[?25l\u001b[?7l\u001b[2J'
const LEAVE = '\u001b[?7h\u001b[?25h\u001b[?1049l'
/** Terminals that know it show what is between at once; others ignore it. */
const BEGIN_UPDATE = '\u001b[?2026h'
const END_UPDATE = '\u001b[?2026l'

/** Longer than a signal takes to arrive. */
const RESUME_MS = 100

export interface ScreenOptions {
  readonly stdin: InputStream
  readonly stdout: OutputStream
  readonly onKey: (key: Key) => void
  readonly onResize: (width: number, height: number) => void
}

/**
 * The terminal as a whole screen, other than where the shell writes. However the process ends, short of a kill that cannot
 * be caught, the terminal is as it was before.
 */
export class Screen {
  readonly #options: ScreenOptions
  #isOpen = false
  #drawn = ''
  #resume: NodeJS.Timeout | undefined

  constructor(options: ScreenOptions) {
    this.#options = options
  }

  get size(): { readonly width: number; readonly height: number } {
    const { columns, rows } = this.#options.stdout
    // A terminal that nobody gave a size says 0.
    return { width: columns || 80, height: rows || 24 }
  }

  open(): void {
    if (this.#isOpen) return
    this.#isOpen = true
    const { stdin, stdout } = this.#options
    process.on('exit', this.close)
    // Before Node prints what went wrong, which would be gone with the screen.
    process.on('uncaughtExceptionMonitor', this.close)
    stdin.setRawMode?.(true)
    stdin.on('data', this.#onData).resume()
    stdout.on('resize', this.#onResize).write(ENTER)
    this.#drawn = ''
  }

  /** Idempotent. */
  readonly close = (): void => {
    clearTimeout(this.#resume)
    if (!this.#isOpen) return
    this.#isOpen = false
    const { stdin, stdout } = this.#options
    process.off('exit', this.close)
    process.off('uncaughtExceptionMonitor', this.close)
    stdin.off('data', this.#onData).pause()
    stdin.setRawMode?.(false)
    stdout.off('resize', this.#onResize).write(LEAVE)
  }

  /** Draws over what is there, in one write, without clearing first: nothing flickers. */
  draw(lines: readonly string[]): void {
    const text = `${lines.map((line) => `${line}\u001b[K`).join('\r\n')}\u001b[J`
    if (!this.#isOpen || text === this.#drawn) return
    this.#drawn = text
    this.#options.stdout.write(`${BEGIN_UPDATE}\u001b[H${text}${END_UPDATE}`)
  }

  /** Stops the process as Ctrl-Z does, and comes back with it; at once, where there is no shell to go back to. */
  suspend(): void {
    this.close()
    process.kill(process.pid, 'SIGTSTP')
    // A stopped process has no time.
    this.#resume = setTimeout(() => {
      this.open()
      this.#onResize()
    }, RESUME_MS)
  }

  redraw(): void {
    this.#drawn = ''
  }

  readonly #onData = (chunk: Buffer | string): void => {
    for (const key of parseKeys(chunk.toString())) this.#options.onKey(key)
  }

  readonly #onResize = (): void => {
    this.#drawn = ''
    const { width, height } = this.size
    this.#options.onResize(width, height)
  }
}
