/** Longest pattern, characters. */
export const MAX_PATTERN = 256

const ANY_RUN = '*'
const ANY_ONE = '?'

export function isGlob(pattern: string): boolean {
  return pattern.includes(ANY_RUN) || pattern.includes(ANY_ONE)
}

/**
 * Compiles a pattern in which `*` stands for any run of characters and `?` for exactly one, to be matched with the whole
 * text.
 *
 * All places of the pattern where a match can be are followed at once, as bits, so that a text of n characters costs n
 * steps over at most `MAX_PATTERN / 32` words, whatever the pattern: nothing is tried twice.
 */
export function compileGlob(pattern: string): (text: string) => boolean {
  const tokens: string[] = []
  /** State i is "the first i tokens matched"; here those after which any run may follow. */
  const loops: number[] = []
  for (const character of pattern) {
    if (character === ANY_RUN) loops.push(tokens.length)
    else tokens.push(character)
  }
  const words = (tokens.length >>> 5) + 1
  const stays = bits(words, loops)
  const anyOne = bits(words, placesOf(tokens, ANY_ONE))
  const ofCharacter = new Map<string, Uint32Array>()
  for (const token of new Set(tokens)) {
    if (token !== ANY_ONE) {
      ofCharacter.set(token, bits(words, [...placesOf(tokens, token), ...placesOf(tokens, ANY_ONE)]))
    }
  }
  const last = tokens.length
  const states = new Uint32Array(words)
  return (text) => {
    states.fill(0)
    states[0] = 1
    for (const character of text) {
      const takes = ofCharacter.get(character) ?? anyOne
      let carry = 0
      let alive = 0
      for (let word = 0; word < words; word++) {
        const before = states[word]!
        const after = (((before << 1) | carry) & takes[word]!) | (before & stays[word]!)
        carry = before >>> 31
        states[word] = after
        alive |= after
      }
      if (alive === 0) return false
    }
    return ((states[last >>> 5]! >>> (last & 31)) & 1) === 1
  }
}

/** The states that each token equal to `wanted` leads to. */
function placesOf(tokens: readonly string[], wanted: string): number[] {
  return tokens.flatMap((token, i) => (token === wanted ? [i + 1] : []))
}

function bits(words: number, places: readonly number[]): Uint32Array {
  const set = new Uint32Array(words)
  for (const place of places) set[place >>> 5]! |= 1 << (place & 31)
  return set
}
