import { indexOfByte, lastIndexOfByte } from './otlp-bytes.ts'

const COLON = 0x3a
const SLASH = 0x2f
const QUESTION = 0x3f
const HASH = 0x23
const AT = 0x40
/** Longest scheme looked for. */
const MAX_SCHEME = 16

/** Where the parts of a URL are: `scheme://user@host:port/path?query#fragment`. Filled again and again. */
export class UrlRanges {
  schemeStart = 0
  /** Equal to `schemeStart` where the text has no scheme: then it is a path as a whole. */
  schemeEnd = 0
  hostStart = 0
  /** Past the port; user and password are left out. */
  hostEnd = 0
  /** At the `/`, or at the `?` of a URL without a path. */
  pathStart = 0
  /** Past the query, before the fragment. */
  pathEnd = 0

  parse(bytes: Uint8Array, start: number, end: number): void {
    this.schemeStart = start
    this.schemeEnd = start
    this.hostStart = start
    this.hostEnd = start
    this.pathStart = start
    this.pathEnd = indexOfByte(bytes, start, end, HASH)
    const colon = indexOfByte(bytes, start, Math.min(end, start + MAX_SCHEME), COLON)
    if (colon + 2 >= end || bytes[colon] !== COLON) return
    if (bytes[colon + 1] !== SLASH || bytes[colon + 2] !== SLASH) return
    this.schemeEnd = colon
    this.hostStart = colon + 3
    let at = this.hostStart
    while (at < this.pathEnd && bytes[at] !== SLASH && bytes[at] !== QUESTION) at++
    this.hostEnd = at
    this.pathStart = at
    this.hostStart = Math.max(this.hostStart, lastIndexOfByte(bytes, this.hostStart, at, AT) + 1)
  }
}
