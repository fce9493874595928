/** SGR codes (ECMA-48) that switch a style on and off. */
const STYLES = {
  bold: [1, 22],
  dim: [2, 22],
  inverse: [7, 27],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
} as const

export type Style = keyof typeof STYLES

/** Gives a text a style, where there are colours. */
export type Paint = (style: Style, text: string) => string

export function painter(colors: boolean): Paint {
  if (!colors) return (_style, text) => text
  return (style, text) => {
    const [on, off] = STYLES[style]
    return `\u001b[${on}m${text}\u001b[${off}m`
  }
}
