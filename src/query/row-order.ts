/** Orders rows by texts, the first that differs deciding, by UTF-16 code units: the same on every machine. */
export function byTexts<T>(...texts: readonly ((row: T) => string)[]): (a: T, b: T) => number {
  return (a, b) => {
    for (const text of texts) {
      const left = text(a)
      const right = text(b)
      if (left !== right) return left < right ? -1 : 1
    }
    return 0
  }
}
