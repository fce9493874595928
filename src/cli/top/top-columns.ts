import { goDuration, perSecond, percent } from '../printers/number-format.ts'
import { type Column, left, right } from '../printers/table.ts'
import type { TopLine } from './top-line.ts'

export interface TopColumn extends Column<TopLine> {
  /** What rows are sorted by. Null comes last. */
  readonly value: (line: TopLine) => number | string | null
  /** Sorts by this column when typed. */
  readonly key: string | undefined
  /** Which end comes first. */
  readonly first: 'largest' | 'smallest'
}

export interface TopColumnsOptions {
  readonly by: 'path' | 'route'
  readonly hideSources: boolean
}

const COUNT: TopColumn = {
  ...right<TopLine>('Count', ({ count, error }) => (error === 0 ? String(count) : `${count}±${error}`)),
  value: ({ count }) => count,
  key: 'c',
  first: 'largest',
}

/** Linkerd's columns in its order, then the rate. By route, quantiles stand where the extremes do by path. */
export function topColumns({ by, hideSources }: TopColumnsOptions): TopColumn[] {
  const byPath = by === 'path'
  return [
    ...(hideSources ? [] : [text('Source', ({ source }) => source)]),
    text('Destination', ({ destination }) => destination),
    text('Method', ({ method }) => method),
    text(byPath ? 'Path' : 'Route', ({ path }) => path),
    COUNT,
    ...(byPath
      ? [
          duration('Best', 'b', ({ bestMs }) => bestMs),
          duration('Worst', 'w', ({ worstMs }) => worstMs),
          duration('Last', 'l', ({ lastMs }) => lastMs),
        ]
      : [
          duration('P50', '5', ({ latencyMs }) => latencyMs?.p50 ?? null),
          duration('P95', '9', ({ latencyMs }) => latencyMs?.p95 ?? null),
          duration('P99', 'w', ({ latencyMs }) => latencyMs?.p99 ?? null),
        ]),
    // Who asks for success looks for its opposite.
    number('Success Rate', 's', ({ success }) => success, percent, 'smallest'),
    number('RPS', 'r', ({ rps }) => rps, perSecond, 'largest'),
  ]
}

function text(title: string, value: (line: TopLine) => string): TopColumn {
  return { ...left<TopLine>(title, (line) => value(line) || '-'), value, key: undefined, first: 'smallest' }
}

function number(
  title: string,
  key: string,
  value: (line: TopLine) => number | null,
  format: (value: number | null) => string,
  first: TopColumn['first'],
): TopColumn {
  return { ...right<TopLine>(title, (line) => format(value(line))), value, key, first }
}

function duration(title: string, key: string, value: (line: TopLine) => number | null): TopColumn {
  return number(title, key, value, goDuration, 'largest')
}
