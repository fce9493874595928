/** Longest value of a label, bytes of UTF-8. */
export const MAX_LABEL_BYTES = 1024

const CUT = '…'
const PLAIN = /^[\u0020-\u007e]*$/
/** Of controls, Prometheus' formats can say the newline only. */
// oxlint-disable-next-line no-control-regex
const CONTROLS = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029]/gu

/** Whether every format has a value as it is, whatever it escapes: printable ASCII without quote and backslash, not too long. */
export function isPlain(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start > MAX_LABEL_BYTES) return false
  for (let i = start; i < end; i++) {
    const byte = bytes[i]!
    if (byte < 0x20 || byte > 0x7e || byte === 0x22 || byte === 0x5c) return false
  }
  return true
}

/**
 * A value as it is exposed: controls and halves of surrogate pairs become U+FFFD, and what is longer than
 * `MAX_LABEL_BYTES` is cut after a whole character and ends in `…`.
 */
export function labelValue(text: string): string {
  if (text.length <= MAX_LABEL_BYTES && PLAIN.test(text)) return text
  // No character is longer than four bytes, or shorter than one: of a very long text only the beginning is looked at.
  const isLong = text.length > MAX_LABEL_BYTES
  const shown = (isLong ? text.slice(0, MAX_LABEL_BYTES + 1) : text)
    .toWellFormed()
    .replace(CONTROLS, '\ufffd')
  if (!isLong && Buffer.byteLength(shown) <= MAX_LABEL_BYTES) return shown
  let bytes = 0
  let end = 0
  for (const character of shown) {
    bytes += Buffer.byteLength(character)
    if (bytes > MAX_LABEL_BYTES - Buffer.byteLength(CUT)) break
    end += character.length
  }
  return shown.slice(0, end) + CUT
}
