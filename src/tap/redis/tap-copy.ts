import { parseCanonicalTapQuery } from '../parse-tap-query.ts'
import type { TapRegistration } from '../tap-bus.ts'

/** One registration as Redis has it. */
export interface Listed {
  readonly id: string
  readonly text: string
}

/** What one message on the channel of changes says. */
interface Change {
  readonly before: string
  readonly after: string
  readonly id: string
  /** Undefined where the registration is gone. */
  readonly text: string | undefined
}

/** What a watcher knows of the registrations: a copy, brought up to date by changes as long as none is missed. */
export class TapCopy {
  #version: string | undefined
  #texts = new Map<string, string>()

  /** Undefined while nothing is known. */
  get version(): string | undefined {
    return this.#version
  }

  has(id: string): boolean {
    return this.#texts.has(id)
  }

  entries(): readonly Listed[] {
    return [...this.#texts].map(([id, text]) => ({ id, text }))
  }

  /** Takes a whole list in. Answers whether it says something else than the copy did. */
  replace(version: string, listed: readonly Listed[]): boolean {
    const isSame =
      this.#version !== undefined &&
      listed.length === this.#texts.size &&
      listed.every(({ id, text }) => this.#texts.get(id) === text)
    this.#version = version
    this.#texts = new Map(listed.map(({ id, text }) => [id, text]))
    return !isSame
  }

  /** Takes a change in; `missed` where it does not follow on what is known. */
  apply(message: string): 'changed' | 'known' | 'missed' {
    const change = parseChange(message)
    if (change === undefined) return 'missed'
    if (change.after === this.#version) return 'known'
    if (change.before !== this.#version) return 'missed'
    this.#version = change.after
    if (change.text === undefined) this.#texts.delete(change.id)
    else this.#texts.set(change.id, change.text)
    return 'changed'
  }

  /** Forgets everything. Answers whether there was a registration. */
  clear(): boolean {
    this.#version = undefined
    if (this.#texts.size === 0) return false
    this.#texts = new Map()
    return true
  }
}

/** A list as the script answers it; undefined where nothing changed. */
export function parseList(
  answer: unknown,
): { readonly version: string; readonly listed: Listed[] } | undefined {
  if (!Array.isArray(answer)) return undefined
  const fields = answer.map(String)
  let version = ''
  const listed: Listed[] = []
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const [id, text] = [fields[i]!, fields[i + 1]!]
    if (id === '') version = text
    else listed.push({ id, text })
  }
  return { version, listed }
}

/** Reads a registration. Throws a `RequestError` for a query that this version does not know. */
export function parseRegistration({ id, text }: Listed): TapRegistration {
  return { id, query: parseCanonicalTapQuery(text) }
}

function parseChange(message: string): Change | undefined {
  let parts: unknown
  try {
    parts = JSON.parse(message)
  } catch {
    return undefined
  }
  if (!Array.isArray(parts)) return undefined
  const [before, after, id, text] = parts as unknown[]
  if (typeof before !== 'string' || typeof after !== 'string' || typeof id !== 'string') return undefined
  return { before, after, id, text: typeof text === 'string' ? text : undefined }
}
