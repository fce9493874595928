/** A key of a terminal, or a character. */
export type Key =
  | { readonly kind: 'char'; readonly char: string }
  | {
      readonly kind:
        | 'up'
        | 'down'
        | 'left'
        | 'right'
        | 'page-up'
        | 'page-down'
        | 'home'
        | 'end'
        | 'enter'
        | 'escape'
        | 'backspace'
        | 'interrupt'
        | 'suspend'
        | 'redraw'
    }

type NamedKey = Exclude<Key['kind'], 'char'>

/** What xterm and its kin send, in normal and in application mode. */
const SEQUENCES: Readonly<Record<string, NamedKey>> = {
  '[A': 'up',
  '[B': 'down',
  '[C': 'right',
  '[D': 'left',
  OA: 'up',
  OB: 'down',
  OC: 'right',
  OD: 'left',
  '[H': 'home',
  '[F': 'end',
  OH: 'home',
  OF: 'end',
  '[1~': 'home',
  '[4~': 'end',
  '[7~': 'home',
  '[8~': 'end',
  '[5~': 'page-up',
  '[6~': 'page-down',
}

const CONTROLS: Readonly<Record<string, NamedKey>> = {
  '\u0003': 'interrupt',
  '\u000c': 'redraw',
  '\r': 'enter',
  '\n': 'enter',
  '\u001a': 'suspend',
  '\u007f': 'backspace',
  '\b': 'backspace',
}

// oxlint-disable-next-line no-control-regex
const PART = /\u001b(?:\[[0-?]*[ -/]*[@-~]|O[ -~])|[^]/gu

/** The keys in what a terminal sent at once. Sequences that are none of ours are left out. */
export function parseKeys(text: string): Key[] {
  return [...text.matchAll(PART)].flatMap(([part]): Key[] => {
    if (part === '\u001b') return [{ kind: 'escape' }]
    const named = part.startsWith('\u001b') ? SEQUENCES[part.slice(1)] : CONTROLS[part]
    if (named !== undefined) return [{ kind: named }]
    return part >= ' ' && !part.startsWith('\u001b') ? [{ kind: 'char', char: part }] : []
  })
}
