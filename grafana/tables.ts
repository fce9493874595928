import {
  FieldTextAlignment,
  TableCellDisplayMode,
  TableCellHeight,
  TableSortByFieldStateBuilder,
} from '@grafana/grafana-foundation-sdk/common'
import type * as cog from '@grafana/grafana-foundation-sdk/cog'
import type { DashboardLink, DynamicConfigValue, Threshold } from '@grafana/grafana-foundation-sdk/dashboard'
import { PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus'
import { PanelBuilder as TableBuilder } from '@grafana/grafana-foundation-sdk/table'
import { type AnyPanel, instantQuery, PLAIN_STEPS, SUCCESS_STEPS, type Width } from './panels.ts'
import { type Unit, UNITS } from './units.ts'
import { DATASOURCE } from './variables.ts'

export interface Column {
  readonly title: string
  readonly expr: string
  readonly unit: Unit
  readonly steps?: readonly Threshold[]
}

interface Listing {
  readonly title: string
  readonly description?: string
  readonly width?: Width
  /** Labels that every query's result has: a column each. */
  readonly labels: readonly string[]
  readonly columns: readonly Column[]
  /** Of each of these labels' cells. */
  readonly links?: Readonly<Record<string, readonly cog.Builder<DashboardLink>[]>>
}

function property(id: string, value: unknown): DynamicConfigValue {
  return { id, value }
}

/** A row for each set of labels, a column for each query; the first column of figures, descending. */
export function listing({
  title,
  description = '',
  width = 24,
  labels,
  columns,
  links = {},
}: Listing): AnyPanel {
  const valueOf = (index: number) => `Value #${String.fromCharCode('A'.charCodeAt(0) + index)}`
  const names = [...labels, ...columns.map((_, i) => valueOf(i))]
  const panel = new TableBuilder()
    .title(title)
    .description(description)
    .datasource(DATASOURCE)
    .height(8)
    .span(width)
    .showHeader(true)
    .cellHeight(TableCellHeight.Sm)
    .filterable(true)
    .noValue('–')
    .sortBy([new TableSortByFieldStateBuilder().displayName(columns[0]?.title ?? '').desc(true)])
    .targets(columns.map(({ expr }, i) => instantQuery(expr, i).format(PromQueryFormat.Table)))
    // Rows of all queries that have the same labels become one; a single query's value has no letter.
    .withTransformation({ id: 'merge', options: {} })
    .withTransformation({
      id: 'organize',
      options: {
        excludeByName: { Time: true },
        indexByName: Object.fromEntries(names.map((name, i) => [name, i])),
        renameByName: {
          Value: columns[0]?.title ?? '',
          ...Object.fromEntries(columns.map(({ title }, i) => [valueOf(i), title])),
        },
      },
    })
  for (const { title, unit, steps } of columns) {
    panel.overrideByName(title, [
      property('unit', unit),
      property('custom.align', FieldTextAlignment.Right),
      property('thresholds', { mode: 'absolute', steps: steps ?? PLAIN_STEPS }),
      property('custom.cellOptions', {
        type: steps === undefined ? TableCellDisplayMode.Auto : TableCellDisplayMode.ColorText,
      }),
    ])
  }
  for (const [label, of] of Object.entries(links)) {
    panel.overrideByName(label, [
      property(
        'links',
        of.map((link) => link.build()),
      ),
    ])
  }
  return panel
}

/** The columns that say how something does. */
export interface Golden {
  readonly requests: string
  readonly success: string
  readonly latency: (quantile: number) => string
  readonly tls?: string
}

export function goldenColumns({ requests, success, latency, tls }: Golden): Column[] {
  return [
    { title: 'Requests', expr: requests, unit: UNITS.requests },
    { title: 'Success', expr: success, unit: UNITS.share, steps: SUCCESS_STEPS },
    { title: 'p50', expr: latency(0.5), unit: UNITS.latency },
    { title: 'p95', expr: latency(0.95), unit: UNITS.latency },
    { title: 'p99', expr: latency(0.99), unit: UNITS.latency },
    ...(tls === undefined ? [] : [{ title: 'TLS', expr: tls, unit: UNITS.share }]),
  ]
}
