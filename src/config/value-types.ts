import { accessSync, constants, readFileSync } from 'node:fs'
import type { ValueType } from './setting.ts'

/** Limits of a number, both included. */
export interface Limits {
  readonly min: number
  readonly max: number
}

const DURATION = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/
const DURATION_UNITS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** A duration such as `500ms`, `1s`, `24h`, in milliseconds. */
export function duration({ min, max }: Limits): ValueType<number> {
  return {
    placeholder: '<duration>',
    parse: (text) => {
      const [, number, unit] = DURATION.exec(text) ?? []
      const ms =
        number === undefined
          ? Number.NaN
          : Number(number) * DURATION_UNITS[unit as keyof typeof DURATION_UNITS]
      if (ms >= min && ms <= max) return ms
      throw new RangeError(`must be a duration such as 500ms, 10s, 5m or 24h, from ${min} to ${max} ms`)
    },
  }
}

const SIZE = /^(\d+)(B|KiB|MiB|GiB|TiB)?$/
const SIZE_UNITS = { B: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 } as const

/** A size such as `512MiB`, in bytes. */
export function size({ min, max }: Limits): ValueType<number> {
  return {
    placeholder: '<size>',
    parse: (text) => {
      const [, number, unit = 'B'] = SIZE.exec(text) ?? []
      const bytes =
        number === undefined ? Number.NaN : Number(number) * SIZE_UNITS[unit as keyof typeof SIZE_UNITS]
      if (bytes >= min && bytes <= max) return bytes
      throw new RangeError(`must be a size such as 512MiB or 1GiB, from ${min} to ${max} bytes`)
    },
  }
}

export function wholeNumber({ min, max }: Limits): ValueType<number> {
  return {
    placeholder: '<number>',
    parse: (text) => {
      const value = /^\d+$/.test(text) ? Number(text) : Number.NaN
      if (value >= min && value <= max) return value
      throw new RangeError(`must be a whole number from ${min} to ${max}`)
    },
  }
}

/** One of a few words. */
export function choice<T extends string>(placeholder: string, ...words: readonly T[]): ValueType<T> {
  return {
    placeholder,
    words,
    parse: (text) => {
      const word = words.find((word) => word === text)
      if (word !== undefined) return word
      throw new RangeError(`must be one of ${words.join(', ')}`)
    },
  }
}

/** On or off; a flag alone is on. */
export const onOff: ValueType<boolean> = {
  placeholder: '[on|off]',
  parse: (text) => {
    if (text === 'on' || text === 'true') return true
    if (text === 'off' || text === 'false') return false
    throw new RangeError('must be on or off')
  },
}

/** A text of at least one character. */
export function someText(placeholder: string, what: string): ValueType<string> {
  return {
    placeholder,
    parse: (text) => {
      if (text !== '') return text
      throw new RangeError(`must be ${what}`)
    },
  }
}

/** A text of a form. */
export function matching(placeholder: string, form: RegExp, what: string): ValueType<string> {
  return {
    placeholder,
    parse: (text) => {
      if (form.test(text)) return text
      throw new RangeError(`must be ${what}`)
    },
  }
}

/** Parts separated by commas, each read the same; none for the empty text. */
export function listOf<T>(placeholder: string, parsePart: (part: string) => T): ValueType<readonly T[]> {
  return { placeholder, parse: (text) => list(text).map((part) => parsePart(part)) }
}

/** Parts separated by commas; none for the empty text. */
export function list(text: string): readonly string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
}

export interface HostPort {
  readonly host: string
  readonly port: number
}

/** An address to listen on: `127.0.0.1:8084`, `[::1]:8084`, or `:8084` for loopback. Port 0 is any free one. */
export const hostPort: ValueType<HostPort> = {
  placeholder: '<address>',
  parse: (text) => {
    const [, host = '', port] = /^(\[[0-9a-fA-F:.]+\]|[^:\s]*):(\d{1,5})$/.exec(text) ?? []
    if (port === undefined || Number(port) > 65_535) {
      throw new RangeError('must be an address such as 127.0.0.1:8084 or [::1]:8084')
    }
    return { host: host.replace(/^\[|\]$/g, '') || '127.0.0.1', port: Number(port) }
  },
}

/** The same, or `off` for none. */
export const hostPortOrOff: ValueType<HostPort | undefined> = {
  placeholder: hostPort.placeholder,
  parse: (text) => {
    if (text === 'off') return undefined
    try {
      return hostPort.parse(text)
    } catch {
      throw new RangeError('must be an address such as 127.0.0.1:4317 or [::1]:4317, or off')
    }
  },
}

/** The path of a PEM file, read as it is parsed. */
export const pemFile: ValueType<string> = {
  placeholder: '<file>',
  parse: (path) => {
    const text = readable(path, () => readFileSync(path, 'utf8'))
    if (text.includes('-----BEGIN ')) return text
    throw new RangeError('must be a file in PEM form (-----BEGIN …)')
  },
}

/** The path of a file that can be read now, and will be read again and again. */
export const readableFile: ValueType<string> = {
  placeholder: '<file>',
  parse: (path) => {
    readable(path, () => accessSync(path, constants.R_OK))
    return path
  },
}

/** Throws a RangeError where reading the file fails. */
export function readable<T>(path: string, read: () => T): T {
  if (path === '') throw new RangeError('must name a file')
  try {
    return read()
  } catch (error) {
    const { code = String(error) } = error as NodeJS.ErrnoException
    throw new RangeError(`must name a file that can be read (${code})`)
  }
}
