import type * as cog from '@grafana/grafana-foundation-sdk/cog'
import {
  type Dashboard,
  DashboardBuilder,
  DashboardCursorSync,
  RowBuilder,
  type VariableModel,
} from '@grafana/grafana-foundation-sdk/dashboard'
import { DASHBOARD_LINKS, TAG, UIDS } from './links.ts'
import type { AnyPanel } from './panels.ts'
import { EVERYWHERE } from './variables.ts'

/** Panels under a heading; without one, those at the top. */
export interface Section {
  readonly title?: string
  readonly panels: readonly AnyPanel[]
}

interface About {
  readonly uid: keyof typeof UIDS
  readonly title: string
  readonly description: string
  readonly variables: readonly cog.Builder<VariableModel>[]
  readonly sections: readonly Section[]
}

/** A dashboard as all of them are: what one may choose, where links lead, the last quarter of an hour. */
export function dashboard({ uid, title, description, variables, sections }: About): Dashboard {
  const board = new DashboardBuilder(`meshtap / ${title}`)
    .uid(UIDS[uid])
    .description(description)
    .tags([TAG])
    .editable()
    .tooltip(DashboardCursorSync.Crosshair)
    .time({ from: 'now-15m', to: 'now' })
    .refresh('10s')
    .timezone('browser')
    .variables([...EVERYWHERE, ...variables])
    .links([...DASHBOARD_LINKS])
  for (const { title, panels } of sections) {
    if (title !== undefined) board.withRow(new RowBuilder(title))
    for (const panel of panels) board.withPanel(panel)
  }
  const built = board.build()
  // Links to a single panel name it by its id.
  for (const [i, panel] of (built.panels ?? []).entries()) panel.id = i + 1
  return built
}
