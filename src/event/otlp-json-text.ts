import { DecodeError } from './decode-error.ts'
import { JsonScanner } from './json-scanner.ts'

const decoder = new TextDecoder('utf-8', { fatal: true })
const encoder = new TextEncoder()

export type JsonObject = Readonly<Record<string, unknown>>

/**
 * Times that a sender wrote as JSON numbers, against the rule: beyond 2^53 `JSON.parse` would round them. The key's
 * closing quote is not escaped, so this is never a part of a string's text.
 */
const BARE_NANOS = /("(?:start|end)TimeUnixNano"\s*:\s*)(\d{16,20})(?=\s*[,}])/g

/** Parses a JSON document; times in nanoseconds stay exact, as strings. */
export function parseJson(bytes: Uint8Array): unknown {
  let text: string
  try {
    text = decoder.decode(bytes)
  } catch {
    throw new DecodeError('json-syntax', 'body', 'the text is not UTF-8')
  }
  try {
    return JSON.parse(text.replace(BARE_NANOS, '$1"$2"'))
  } catch (error) {
    throw syntaxFault(bytes, error)
  }
}

/** The fault that `JSON.parse` found, with its place, which `JSON.parse` often leaves out. */
function syntaxFault(bytes: Uint8Array, cause: unknown): DecodeError {
  const scanner = new JsonScanner()
  scanner.begin(bytes)
  try {
    scanner.skipValue()
    if (scanner.peek() !== -1) return scanner.unexpected('the end of the input')
  } catch (error) {
    if (error instanceof DecodeError) return error
    throw error
  }
  return new DecodeError('json-syntax', 'body', String(cause))
}

/** The fault of a value of another type than is expected. */
export function typeFault(at: string, expected: string, value: unknown): DecodeError {
  const found = value === null ? 'null' : Array.isArray(value) ? 'an array' : typeof value
  return new DecodeError('field-type', at, `${expected} is expected, ${found} is found`)
}

/** A value that must be an object; one left out, or null, is empty, as in all of protobuf's JSON. */
export function objectAt(value: unknown, at: () => string): JsonObject {
  if (value === undefined || value === null) return {}
  if (typeof value !== 'object' || Array.isArray(value)) throw typeFault(at(), 'an object', value)
  return value as JsonObject
}

export function arrayAt(value: unknown, at: () => string): readonly unknown[] {
  if (value === undefined || value === null) return []
  if (!Array.isArray(value)) throw typeFault(at(), 'an array', value)
  return value
}

export function stringAt(value: unknown, at: () => string): string {
  if (value === undefined || value === null) return ''
  if (typeof value !== 'string') throw typeFault(at(), 'a string', value)
  return value
}

/** An enum's number, given as number or name. A number that is not known is as good as any. */
export function enumAt(value: unknown, names: Readonly<Record<string, number>>, at: () => string): number {
  if (value === undefined || value === null) return 0
  if (typeof value === 'number' && Number.isInteger(value)) return value
  const known = typeof value === 'string' && Object.hasOwn(names, value) ? names[value] : undefined
  if (known === undefined) throw typeFault(at(), `a number or one of ${Object.keys(names).join(', ')}`, value)
  return known
}

/** An int64, given as number or decimal digits; beyond 2^53 it is rounded. */
export function int64At(value: unknown, at: () => string): number {
  if (typeof value === 'number' && Number.isInteger(value)) return value
  if (typeof value === 'string' && /^-?\d{1,20}$/.test(value)) return Number(value)
  throw typeFault(at(), 'a whole number, or one as a string', value)
}

/** A double, given as number or string. */
export function doubleAt(value: unknown, at: () => string): number {
  if (typeof value === 'number') return value
  if (typeof value === 'string' && value.trim() !== '') return Number(value)
  throw typeFault(at(), 'a number', value)
}

/** A fixed64, given as number or decimal digits. */
export function fixed64At(value: unknown, at: () => string): bigint {
  if (value === undefined || value === null) return 0n
  const isWhole = typeof value === 'number' ? Number.isInteger(value) && value >= 0 : isDigits(value)
  const nanos = isWhole ? BigInt(value as number | string) : -1n
  if (nanos < 0n || nanos >= 1n << 64n)
    throw typeFault(at(), 'a whole number below 2^64, best as a string', value)
  return nanos
}

function isDigits(value: unknown): boolean {
  return typeof value === 'string' && /^\d{1,20}$/.test(value)
}

/** Texts one after the other as UTF-8, all of them from one document. */
export class Utf8Arena {
  readonly bytes: Uint8Array
  length = 0

  /** `capacity` is the length of the document in UTF-8: its texts are not longer, whatever was escaped in it. */
  constructor(capacity: number) {
    this.bytes = new Uint8Array(capacity)
  }

  /** Appends a text; it ends at `length`. Returns where it starts. */
  add(text: string): number {
    const start = this.length
    this.length += encoder.encodeInto(text, this.bytes.subarray(start)).written
    return start
  }

  byte(value: number): void {
    this.bytes[this.length++] = value
  }
}
