import type { TopAnswer } from '../../query/answer.ts'
import type { Key } from './keys.ts'
import { type TopColumn, topColumns } from './top-columns.ts'
import { type TopLine, topLines } from './top-line.ts'

/** All that is on the screen of a live `top`, but for its colours. */
export interface TopState {
  /** What is asked for, in words. */
  readonly title: string
  readonly namespace: string | undefined
  readonly by: 'path' | 'route'
  readonly hideSources: boolean
  readonly answer: TopAnswer | undefined
  /** What must be said of the answer, or why there is none. */
  readonly notes: readonly string[]
  /** Title of the column that rows are sorted by. */
  readonly sort: string
  readonly isReversed: boolean
  readonly filter: string
  /** The filter that is being typed. */
  readonly typed: string | undefined
  /** Rows that are above the first one shown. */
  readonly scroll: number
  /** Columns that are left of the first one shown. */
  readonly shift: number
  readonly isPaused: boolean
  readonly isDone: boolean
  /** Of the terminal. */
  readonly width: number
  readonly height: number
}

export type TopInput =
  | { readonly kind: 'key'; readonly key: Key }
  | { readonly kind: 'answer'; readonly answer: TopAnswer; readonly notes: readonly string[] }
  | { readonly kind: 'failure'; readonly message: string }
  | { readonly kind: 'resize'; readonly width: number; readonly height: number }

/** Lines of the screen that are not rows: title, notes, header, keys. */
export const FRAME_LINES = 4

/** Longest filter. */
const MAX_FILTER = 200

export function initialTopState(
  options: Pick<TopState, 'title' | 'namespace' | 'by' | 'hideSources' | 'width' | 'height'>,
): TopState {
  return {
    ...options,
    answer: undefined,
    notes: [],
    sort: 'Count',
    isReversed: false,
    filter: '',
    typed: undefined,
    scroll: 0,
    shift: 0,
    isPaused: false,
    isDone: false,
  }
}

/** The state after something happened. Pure. */
export function reduceTop(state: TopState, input: TopInput): TopState {
  switch (input.kind) {
    case 'answer':
      return state.isPaused ? state : within({ ...state, answer: input.answer, notes: input.notes })
    case 'failure':
      return { ...state, notes: [input.message] }
    case 'resize':
      return within({ ...state, width: input.width, height: input.height })
    case 'key':
      return within(
        state.typed === undefined ? onKey(state, input.key) : onFilterKey(state, state.typed, input.key),
      )
  }
}

export function columnsOf(state: TopState): TopColumn[] {
  return topColumns(state)
}

/** The rows that pass the filter, in their order. */
export function linesOf(state: TopState): TopLine[] {
  const lines = topLines(state.answer?.rows ?? [], state)
  const needle = (state.typed ?? state.filter).toLowerCase()
  const wanted = needle === '' ? lines : lines.filter((line) => textOf(line).includes(needle))
  const column = columnsOf(state).find(({ title }) => title === state.sort)
  return column === undefined ? wanted : sorted(wanted, column, state.isReversed)
}

/** Rows that fit the screen. */
export function pageOf({ height }: TopState): number {
  return Math.max(1, height - FRAME_LINES)
}

function onKey(state: TopState, key: Key): TopState {
  const page = pageOf(state)
  switch (key.kind) {
    case 'interrupt':
      return { ...state, isDone: true }
    case 'up':
      return { ...state, scroll: state.scroll - 1 }
    case 'down':
      return { ...state, scroll: state.scroll + 1 }
    case 'page-up':
      return { ...state, scroll: state.scroll - page }
    case 'page-down':
      return { ...state, scroll: state.scroll + page }
    case 'home':
      return { ...state, scroll: 0 }
    case 'end':
      return { ...state, scroll: Number.MAX_SAFE_INTEGER }
    case 'left':
      return { ...state, shift: state.shift - 1 }
    case 'right':
      return { ...state, shift: state.shift + 1 }
    case 'escape':
      return { ...state, filter: '' }
    case 'char':
      return onChar(state, key.char)
    case 'enter':
    case 'backspace':
    case 'suspend':
    case 'redraw':
      return state
  }
}

function onChar(state: TopState, char: string): TopState {
  switch (char) {
    case 'q':
      return { ...state, isDone: true }
    case 'p':
    case ' ':
      return { ...state, isPaused: !state.isPaused }
    case 'h':
      return { ...state, hideSources: !state.hideSources, shift: 0 }
    case '/':
      return { ...state, typed: state.filter }
    case '<':
      return sortedBy(state, neighbour(state, -1))
    case '>':
      return sortedBy(state, neighbour(state, 1))
    default: {
      const column = columnsOf(state).find(({ key }) => key === char)
      return column === undefined ? state : sortedBy(state, column)
    }
  }
}

function onFilterKey(state: TopState, typed: string, key: Key): TopState {
  switch (key.kind) {
    case 'char':
      return { ...state, typed: (typed + key.char).slice(0, MAX_FILTER), scroll: 0 }
    case 'backspace':
      return { ...state, typed: Array.from(typed).slice(0, -1).join('') }
    case 'enter':
      return { ...state, filter: typed, typed: undefined }
    case 'escape':
      return { ...state, typed: undefined }
    case 'interrupt':
      return { ...state, isDone: true }
    case 'up':
    case 'down':
    case 'left':
    case 'right':
    case 'page-up':
    case 'page-down':
    case 'home':
    case 'end':
    case 'suspend':
    case 'redraw':
      return state
  }
}

/** Sorts by a column, or, where rows are sorted by it already, the other way round. */
function sortedBy(state: TopState, { title }: TopColumn): TopState {
  return { ...state, sort: title, isReversed: title === state.sort && !state.isReversed, scroll: 0 }
}

function neighbour(state: TopState, step: -1 | 1): TopColumn {
  const columns = columnsOf(state)
  const at = columns.findIndex(({ title }) => title === state.sort)
  return columns[Math.min(Math.max(at + step, 0), columns.length - 1)]!
}

/** The state with nothing scrolled out of reach. */
function within(state: TopState): TopState {
  const maxScroll = Math.max(0, linesOf(state).length - pageOf(state))
  const maxShift = columnsOf(state).length - 1
  const columns = columnsOf(state)
  return {
    ...state,
    scroll: Math.min(Math.max(state.scroll, 0), maxScroll),
    shift: Math.min(Math.max(state.shift, 0), maxShift),
    // Hidden sources are no longer sorted by.
    sort: columns.some(({ title }) => title === state.sort) ? state.sort : 'Count',
  }
}

function textOf({ source, destination, method, path }: TopLine): string {
  return `${source} ${destination} ${method} ${path}`.toLowerCase()
}

function sorted(lines: readonly TopLine[], { value, first }: TopColumn, isReversed: boolean): TopLine[] {
  const sign = (first === 'smallest') === isReversed ? -1 : 1
  return lines
    .map((line) => ({ line, value: value(line) }))
    .sort((a, b) => {
      if (a.value === null || b.value === null) return Number(a.value === null) - Number(b.value === null)
      return a.value < b.value ? -sign : a.value > b.value ? sign : 0
    })
    .map(({ line }) => line)
}
