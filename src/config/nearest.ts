/** Which of some names was probably meant; undefined where none is near. */
export function nearest(word: string, names: readonly string[]): string | undefined {
  let best: string | undefined
  let fewest = Math.max(2, Math.floor(word.length / 4))
  for (const name of names) {
    const edits = editDistance(word, name)
    if (edits > fewest || (edits === fewest && best !== undefined)) continue
    fewest = edits
    best = name
  }
  return best
}

/** Characters to insert, delete or replace to get from one word to the other (Levenshtein). */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1))
    }
    row = next
  }
  return row[b.length]!
}
