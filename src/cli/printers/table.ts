import { displayWidth, padEnd, padStart } from './display-width.ts'

export interface Column<R> {
  readonly title: string
  /** Names stand left, numbers right. */
  readonly align: 'left' | 'right'
  /** Printable text of one line. */
  readonly cell: (row: R) => string
}

export interface Table<R> {
  readonly columns: readonly Column<R>[]
  readonly rows: readonly R[]
}

/** Spaces between columns. */
const PADDING = '   '

export function left<R>(title: string, cell: (row: R) => string): Column<R> {
  return { title, align: 'left', cell }
}

export function right<R>(title: string, cell: (row: R) => string): Column<R> {
  return { title, align: 'right', cell }
}

/**
 * Tables as Linkerd's CLI aligns them, a blank line between, each line ending in a line feed and without spaces at its
 * end. Names are as wide in one table as in the others.
 */
export function renderTables<R>(tables: readonly Table<R>[]): string {
  const texts = tables.map(({ columns, rows }) => [
    columns.map(({ title }) => title),
    ...rows.map((row) => columns.map(({ cell }) => cell(row))),
  ])
  const nameWidths = new Map<string, number>()
  const widths = tables.map(({ columns }, table) =>
    columns.map(({ align, title }, i) => {
      const width = Math.max(...texts[table]!.map((line) => displayWidth(line[i]!)))
      if (align === 'left') nameWidths.set(title, Math.max(width, nameWidths.get(title) ?? 0))
      return width
    }),
  )
  return tables
    .map(({ columns }, table) =>
      texts[table]!.map((line) => {
        const cells = columns.map(({ align, title }, i) =>
          align === 'left'
            ? padEnd(line[i]!, nameWidths.get(title)!)
            : padStart(line[i]!, widths[table]![i]!),
        )
        return `${cells.join(PADDING).trimEnd()}\n`
      }).join(''),
    )
    .join('\n')
}
