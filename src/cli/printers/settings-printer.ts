import type { SettingInForce } from '../../config/resolve.ts'
import { printable } from './printable.ts'
import { left, renderTables } from './table.ts'

/** Settings and where each value comes from. */
export function settingsTable(settings: readonly SettingInForce[]): string {
  const columns = [
    left<SettingInForce>('SETTING', ({ name }) => name),
    left<SettingInForce>('VALUE', ({ text }) => (text === undefined ? '-' : printable(text))),
    left<SettingInForce>('FROM', ({ origin, place }) =>
      origin === 'default' || origin === 'nowhere' ? origin : printable(place),
    ),
  ]
  return renderTables([{ columns, rows: settings }])
}
