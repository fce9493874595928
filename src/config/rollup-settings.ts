import { settingsOf } from './setting.ts'
import { duration, wholeNumber } from './value-types.ts'

const { setting } = settingsOf('rollups')

/** How often rollups are committed, and how large they may grow. */
export const ROLLUP_SETTINGS = {
  flush: setting(
    'flush',
    '1s',
    duration({ min: 50, max: 10_000 }),
    'time between the commits of a partition: how old a number can be',
  ),
  seriesPerNamespace: setting(
    'series-per-namespace',
    '10000',
    wholeNumber({ min: 10, max: 1_000_000 }),
    'series kept apart in a bucket of one namespace; what exceeds them counts in __overflow__',
  ),
  seriesOverall: setting(
    'series-overall',
    '100000',
    wholeNumber({ min: 10, max: 10_000_000 }),
    'series kept apart in a bucket of one partition',
  ),
  topCapacity: setting(
    'top-capacity',
    '128',
    wholeNumber({ min: 8, max: 10_000 }),
    'calls that top keeps apart for each destination; beyond them counts have an error, which is shown',
  ),
} as const
