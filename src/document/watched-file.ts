import { readFile, stat } from 'node:fs/promises'

/** Longest file that is read, in bytes. */
const MAX_BYTES = 4 * 1024 * 1024

const INTERVAL_MS = 1000

export interface WatchedFileOptions<T> {
  readonly path: string
  /** Throws a RangeError that says what is wrong with the text. */
  readonly parse: (text: string) => T
  /** Told of a new text that is in force. */
  readonly onChange?: () => void
  /** Told once of a new text, or of a file gone, that is not: what was read before stays in force. */
  readonly onTrouble: (message: string) => void
  readonly intervalMs?: number
}

/**
 * What a file says, as of at most a second ago. It is looked at again and again rather than watched: what mounts
 * configuration swaps links, of which watchers do not hear.
 */
export class WatchedFile<T> {
  readonly #options: WatchedFileOptions<T>
  #timer: NodeJS.Timeout | undefined
  #looking: Promise<void> | undefined
  #value: T
  #version: string
  /** That of a text that is refused: it is not read again and again. */
  #refused: string | undefined
  #trouble: string | undefined

  private constructor(options: WatchedFileOptions<T>, value: T, version: string) {
    this.#options = options
    this.#value = value
    this.#version = version
    this.#timer = setInterval(() => void this.look(), options.intervalMs ?? INTERVAL_MS).unref()
  }

  /** Rejects with a RangeError where the file cannot be read, or says what it cannot. */
  static async open<T>(options: WatchedFileOptions<T>): Promise<WatchedFile<T>> {
    const version = await versionOf(options.path)
    return new WatchedFile(options, options.parse(await textOf(options.path)), version)
  }

  get value(): T {
    return this.#value
  }

  /** Looks at the file now. */
  look(): Promise<void> {
    return (this.#looking ??= this.#look().finally(() => (this.#looking = undefined)))
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    this.#timer = undefined
    await this.#looking
  }

  async #look(): Promise<void> {
    const { path, parse, onChange, onTrouble } = this.#options
    try {
      const version = await versionOf(path)
      if (version === this.#version) {
        // What is in force is back.
        this.#refused = this.#trouble = undefined
        return
      }
      if (version === this.#refused) return
      const text = await textOf(path)
      this.#refused = version
      this.#value = parse(text)
      this.#version = version
      this.#refused = undefined
      this.#trouble = undefined
      onChange?.()
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      if (message === this.#trouble) return
      this.#trouble = message
      onTrouble(`${path} is not taken, what it said before stays in force: ${message}`)
    }
  }
}

async function versionOf(path: string): Promise<string> {
  const { ino, size, mtimeNs } = await readable(path, () => stat(path, { bigint: true }))
  if (size > MAX_BYTES) throw new RangeError(`${path} has ${size} bytes; at most ${MAX_BYTES} are read`)
  return `${ino} ${size} ${mtimeNs}`
}

function textOf(path: string): Promise<string> {
  return readable(path, () => readFile(path, 'utf8'))
}

async function readable<T>(path: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (error) {
    throw new RangeError(
      `${path} cannot be read: ${(error as NodeJS.ErrnoException).code ?? String(error)}`,
      {
        cause: error,
      },
    )
  }
}
