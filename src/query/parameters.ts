import { RequestError } from '../event/request-error.ts'
import type { Span } from './window.ts'

/** The parameters of a request's URL by name, as strings. */
export type Parameters = Readonly<Record<string, string | undefined>>

/**
 * Reads parameters one by one, each bad one a `RequestError` that names it, its value and what is allowed. An empty
 * parameter counts as not given.
 */
export class ParameterReader {
  readonly #parameters: Parameters

  /** `allowed` are all names there are: a misspelt filter must not pass for none. */
  constructor(parameters: Parameters, allowed: readonly string[]) {
    this.#parameters = parameters
    for (const name of Object.keys(parameters)) {
      if (!allowed.includes(name)) {
        throw new RequestError(name, `is no parameter here; there are ${allowed.join(', ')}`)
      }
    }
  }

  text(name: string): string | undefined {
    const value = this.#parameters[name]
    return value === '' ? undefined : value
  }

  /** A span such as `30s`, `5m`, `1h30m` or `7d`, between two bounds. */
  span(name: string, fallback: string, bounds: { readonly min: Span; readonly max: Span }): Span {
    const text = this.text(name) ?? fallback
    const ms = spanMs(text)
    const { min, max } = bounds
    if (ms === undefined) {
      throw new RequestError(
        name,
        `${quoted(text)} is no span of time; give for example 30s, 5m, 1h30m or 7d`,
      )
    }
    if (ms < min.ms || ms > max.ms) {
      throw new RequestError(name, `${quoted(text)} is out of bounds; give from ${min.text} to ${max.text}`)
    }
    return { text, ms }
  }

  /** One of several words. */
  choice<C extends string>(name: string, fallback: C, choices: readonly C[]): C {
    const text = this.text(name) ?? fallback
    const choice = choices.find((known) => known === text)
    if (choice === undefined)
      throw new RequestError(name, `${quoted(text)} is not known; give one of ${choices.join(', ')}`)
    return choice
  }

  /** A whole number between two bounds, both included. */
  integer(name: string, fallback: number, bounds: { readonly min: number; readonly max: number }): number {
    const text = this.text(name)
    if (text === undefined) return fallback
    const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN
    if (value >= bounds.min && value <= bounds.max) return value
    throw new RequestError(
      name,
      `${quoted(text)} is not taken; give a whole number from ${bounds.min} to ${bounds.max}`,
    )
  }
}

function quoted(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text)
}

const SPAN = /^(?:(\d{1,6})d)?(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,6})s)?$/

/** Milliseconds of a span such as `1h30m`; undefined where the text is none. */
export function spanMs(text: string): number | undefined {
  const found = SPAN.exec(text)
  if (found === null || text === '') return undefined
  const [days, hours, minutes, seconds] = [1, 2, 3, 4].map((group) => Number(found[group] ?? 0))
  return ((days! * 24 + hours!) * 60 + minutes!) * 60_000 + seconds! * 1000
}
