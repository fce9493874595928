import { settingsOf } from './setting.ts'
import { choice } from './value-types.ts'

const { setting } = settingsOf('log')

/** What a role says of its own doing, on the standard error. */
export const LOG_SETTINGS = {
  logLevel: setting(
    'log-level',
    'info',
    choice('<level>', 'debug', 'info', 'warn', 'error', 'silent'),
    'the least that a line of the log must matter',
  ),
  logFormat: setting(
    'log-format',
    'auto',
    choice('<form>', 'auto', 'json', 'text'),
    'form of the lines: JSON objects, text for people, or text on a terminal only',
  ),
} as const
