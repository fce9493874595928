import { settingsOf } from './setting.ts'
import { duration, size, someText, wholeNumber } from './value-types.ts'

const MIB = 2 ** 20
const GIB = 2 ** 30

const { setting } = settingsOf('embedded')

/** The log and the store that `serve` keeps in a directory. */
export const EMBEDDED_SETTINGS = {
  data: setting(
    'data',
    'meshtap-data',
    someText('<directory>', 'the path of a directory'),
    'directory of the log and the rollups',
  ),
  partitions: setting(
    'partitions',
    '4',
    wholeNumber({ min: 1, max: 64 }),
    'partitions of the log, fixed when the data directory is made',
  ),
  logMaxBytes: setting(
    'log-max-bytes',
    '1GiB',
    size({ min: 16 * MIB, max: 1024 * GIB }),
    'the log keeps at most this much; the oldest records go first',
  ),
  logMaxAge: setting(
    'log-max-age',
    '24h',
    duration({ min: 60_000, max: 90 * 86_400_000 }),
    'the log keeps records at most this long',
  ),
} as const
