import { open } from 'node:fs/promises'
import type { TextOrigin, ValueType } from './setting.ts'

/** Longest token that servers look at, characters. */
const MAX_LENGTH = 8192

/** A token of a client as it is now: one that is in a file may be changed there at any time. Nothing prints it. */
export class ClientToken {
  /** How it was given, for messages: `MESHTAP_TOKEN`, `--token-file /run/token`. */
  readonly place: string
  readonly isInFile: boolean
  readonly #file: string | undefined
  #text: string
  #trouble: string | undefined

  constructor(text: string, { place, file }: TextOrigin) {
    this.#text = text
    this.#file = file
    this.isInFile = file !== undefined
    this.place = file === undefined ? place : `${place} ${file}`
  }

  /** Why what the file says now is not taken; what it said before is used then. */
  get trouble(): string | undefined {
    return this.#trouble
  }

  /** Reads the file, if it is in one, so that a token that was changed is used. Never rejects. */
  async current(): Promise<string> {
    if (this.#file === undefined) return this.#text
    try {
      this.#text = checkedToken(await beginningOf(this.#file))
      this.#trouble = undefined
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      this.#trouble = code === undefined ? (error as Error).message : `cannot be read: ${code}`
    }
    return this.#text
  }
}

export const clientToken: ValueType<ClientToken> = {
  placeholder: '<token>',
  parse: (text, origin = { place: '' }) => new ClientToken(checkedToken(text), origin),
}

/** What a header can carry as a bearer token (RFC 6750), and a server takes. */
function checkedToken(text: string): string {
  const token = text.trim()
  if (token.length <= MAX_LENGTH && /^[\w.~+/=-]+$/.test(token)) return token
  throw new RangeError(`must be a token: 1 to ${MAX_LENGTH} letters, digits and ._~+/=-`)
}

/** A longer file is not read to its end: it is no token. */
async function beginningOf(path: string): Promise<string> {
  const file = await open(path)
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(2 * MAX_LENGTH), 0, 2 * MAX_LENGTH, 0)
    return buffer.toString('utf8', 0, bytesRead)
  } finally {
    await file.close()
  }
}
