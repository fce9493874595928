import { displayWidth, fitted, padEnd, padStart } from '../printers/display-width.ts'
import { narrowingNote } from '../printers/notes.ts'
import { grouped } from '../printers/number-format.ts'
import type { Paint } from '../printers/paint.ts'
import { printable } from '../printers/printable.ts'
import type { TopColumn } from './top-columns.ts'
import type { TopLine } from './top-line.ts'
import { columnsOf, linesOf, pageOf, type TopState } from './top-state.ts'

/** Paths are cut to what the other columns leave, but not below this. */
const MIN_PATH_WIDTH = 20
const GAP = '  '

/** The whole screen: as many lines as it is high, none wider than it is. Pure. */
export function renderTop(state: TopState, paint: Paint): string[] {
  const lines = linesOf(state)
  const columns = columnsOf(state)
  const shown = lines.slice(state.scroll, state.scroll + pageOf(state))
  const table = tableOf(state, columns, lines, shown, paint)
  const body = lines.length === 0 ? emptyBody(state) : table.rows
  const screen = [
    titleLine(state, lines.length, paint),
    notesLine(state, paint),
    table.header,
    ...Array.from({ length: Math.max(0, state.height - 4) }, (_, i) => body[i] ?? ''),
    paint('dim', keysLine(state, columns)),
  ]
  return screen.slice(0, state.height)
}

function titleLine(state: TopState, rows: number, paint: Paint): string {
  const { title, answer, isPaused, scroll, width } = state
  const last = Math.min(rows, scroll + pageOf(state))
  const parts = [
    title,
    ...(answer === undefined
      ? []
      : [
          `last ${answer.window.requested}`,
          `${grouped(answer.total)} requests`,
          rows === 0 ? 'no rows' : `rows ${scroll + 1}–${last} of ${rows}`,
          narrowingNote(answer) ?? '',
        ]),
  ]
  const marker = isPaused ? fitted('paused', width) : ''
  const text = fitted(
    parts.filter((part) => part !== '').join('   '),
    isPaused ? width - marker.length - 1 : width,
  )
  return [
    ...(text === '' ? [] : [paint('bold', text)]),
    ...(isPaused ? [paint('inverse', marker)] : []),
  ].join(' ')
}

function notesLine({ notes, filter, typed, width }: TopState, paint: Paint): string {
  if (typed !== undefined) return fitted(`filter: ${printable(typed)}_`, width)
  const note = notes.join('; ')
  if (note !== '') return paint('yellow', fitted(note, width))
  return filter === '' ? '' : fitted(`filter: ${printable(filter)}  (Esc shows all)`, width)
}

function keysLine({ typed, width }: TopState, columns: readonly TopColumn[]): string {
  if (typed !== undefined) return fitted('Enter keeps the filter  Esc leaves it as it was', width)
  const sorts = columns.flatMap(({ key }) => (key === undefined ? [] : [key])).join(' ')
  return fitted(`q quit  / filter  p pause  h sources  ↑↓←→ scroll  sort by: ${sorts} < >`, width)
}

function emptyBody({ answer, filter, typed, width }: TopState): string[] {
  if (answer === undefined) return ['', 'waiting for the first answer…'].map((line) => fitted(line, width))
  if (answer.rows.length > 0) return ['', fitted(`no row has “${printable(typed ?? filter)}”`, width)]
  const reason = answer.empty === undefined ? 'No traffic found.' : printable(answer.empty.message)
  return ['', ...wrapped(reason, width)]
}

interface RenderedTable {
  readonly header: string
  readonly rows: readonly string[]
}

function tableOf(
  state: TopState,
  columns: readonly TopColumn[],
  lines: readonly TopLine[],
  shown: readonly TopLine[],
  paint: Paint,
): RenderedTable {
  const marked = (column: TopColumn): string =>
    column.title === state.sort ? `${column.title}${arrowOf(column, state.isReversed)}` : column.title
  // Over all rows, so that scrolling does not move the columns.
  const widths = columns.map((column) =>
    Math.max(displayWidth(column.title) + 1, ...lines.map((line) => displayWidth(column.cell(line)))),
  )
  const path = columns.findIndex(({ title }) => title === 'Path' || title === 'Route')
  const others = widths.reduce(
    (sum, width, i) => (i === path || i < state.shift ? sum : sum + width + GAP.length),
    0,
  )
  widths[path] = Math.max(MIN_PATH_WIDTH, Math.min(widths[path]!, state.width - others))

  const lineOf = (cell: (column: TopColumn, i: number) => string): string =>
    columns
      .map((column, i) => {
        const text = fitted(cell(column, i), widths[i]!)
        return column.align === 'left' ? padEnd(text, widths[i]!) : padStart(text, widths[i]!)
      })
      .slice(state.shift)
      .join(GAP)
  return {
    header: paint('inverse', padEnd(fitted(lineOf(marked), state.width), state.width)),
    rows: shown.map((line) => {
      const text = fitted(lineOf((column) => column.cell(line)).trimEnd(), state.width)
      return line.success < 1 ? paint('red', text) : text
    }),
  }
}

function arrowOf({ first }: TopColumn, isReversed: boolean): string {
  return (first === 'largest') === isReversed ? '▲' : '▼'
}

/** A sentence over lines, broken between words. */
function wrapped(text: string, width: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`
    if (displayWidth(longer) <= width || line === '') line = longer
    else {
      lines.push(line)
      line = word
    }
  }
  return [...lines, line].map((text) => fitted(text, width))
}
