import { DASHBOARDS } from './dashboards.ts'

/** Dashboards as Grafana reads them, by file name. */
export function dashboardFiles(): ReadonlyMap<string, string> {
  return new Map(
    DASHBOARDS.map((dashboard) => [
      `${dashboard.uid?.replace(/^meshtap-/, '')}.json`,
      `${JSON.stringify(dashboard, null, 2)}\n`,
    ]),
  )
}
