import type { Dashboard, Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import type { Dataquery } from '@grafana/grafana-foundation-sdk/prometheus'

export interface Query extends Pick<Dataquery, 'expr' | 'exemplar' | 'datasource'> {
  /** Title of the panel. */
  readonly panel: string
  readonly type: string
  readonly legend: string
  readonly isInstant: boolean
}

/** All panels but rows; rows here hold none. */
export function panelsOf(board: Dashboard): Panel[] {
  return (board.panels ?? []).filter((panel): panel is Panel => panel.type !== 'row')
}

export function queriesOf(board: Dashboard): Query[] {
  return panelsOf(board).flatMap(({ title = '', type, targets = [] }) =>
    (targets as Dataquery[]).map(
      ({ expr, exemplar = false, datasource = {}, instant = false, legendFormat = '' }) => ({
        panel: title,
        type,
        legend: legendFormat,
        expr,
        exemplar,
        datasource,
        isInstant: instant,
      }),
    ),
  )
}

/** A query with all variables set to "All" or what `values` says, and rates over `window`. */
export function substituted(
  expr: string,
  window: string,
  values: Readonly<Record<string, string>> = {},
): string {
  return expr
    .replaceAll('$__rate_interval', window)
    .replaceAll(/\$([a-z]\w*)/g, (_, name: string) => values[name] ?? '.*')
}
