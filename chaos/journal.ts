/** Says what happens, with the seconds since the start; keeps it for who wants to read it later. */
export class Journal {
  readonly lines: string[] = []
  readonly #startMs = Date.now()
  readonly #print: (line: string) => void

  constructor(print: (line: string) => void) {
    this.#print = print
  }

  say(text: string): void {
    const seconds = ((Date.now() - this.#startMs) / 1000).toFixed(1)
    const line = `${seconds.padStart(7)} s  ${text}`
    this.lines.push(line)
    this.#print(line)
  }

  get elapsedSeconds(): number {
    return (Date.now() - this.#startMs) / 1000
  }
}
