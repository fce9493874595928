import { type SettingFault, settingsOf } from './setting.ts'
import { size, wholeNumber } from './value-types.ts'

const { setting } = settingsOf('limits')

/** Least memory for a client of a tap: room for a frame on its way, and one that waits. */
const MIN_SESSION_BYTES = 128 * 1024

/** Of every server that many may connect to. */
export const CONNECTION_SETTINGS = {
  connections: setting(
    'connections',
    '4096',
    wholeNumber({ min: 1, max: 1_000_000 }),
    'connections that an HTTP server has open at a time; each needs a file descriptor',
  ),
  connectionsPerAddress: setting(
    'connections-per-address',
    '2048',
    wholeNumber({ min: 1, max: 1_000_000 }),
    'of those from one address: behind a reverse proxy that is all of them',
  ),
} as const

/** Of a gateway. */
export const GATEWAY_LIMIT_SETTINGS = {
  ...CONNECTION_SETTINGS,
  requestsPerMinute: setting(
    'requests-per-minute',
    '6000',
    wholeNumber({ min: 1, max: 10_000_000 }),
    'requests a minute of one identity, or without authentication of one address',
  ),
  streamsPerIdentity: setting(
    'streams-per-identity',
    '100',
    wholeNumber({ min: 1, max: 100_000 }),
    'streams that one identity may have open',
  ),
  streamsPerAddress: setting(
    'streams-per-address',
    '500',
    wholeNumber({ min: 1, max: 1_000_000 }),
    'streams that one address may have open, without authentication',
  ),
  tapSessions: setting(
    'tap-sessions',
    '1000',
    wholeNumber({ min: 1, max: 1_000_000 }),
    'clients of taps at a time',
  ),
  tapMemory: setting(
    'tap-memory',
    '256MiB',
    size({ min: 2 ** 20, max: 2 ** 40 }),
    'what waits for clients of taps and is on its way to them, each an equal share; at least 128 KiB for each of ' +
      'tap-sessions',
  ),
  liveSessions: setting(
    'live-sessions',
    '2000',
    wholeNumber({ min: 1, max: 1_000_000 }),
    'clients of stat and top at a time that are sent what changes',
  ),
} as const

/** Limits that contradict each other. */
export function limitFaults(values: Readonly<Record<string, unknown>>): readonly SettingFault[] {
  const { tapSessions, tapMemory } = values as Readonly<Record<string, number | undefined>>
  if (tapSessions === undefined || tapMemory === undefined) return []
  const wanted = tapSessions * MIN_SESSION_BYTES
  if (tapMemory >= wanted) return []
  const message =
    `tap-memory is ${tapMemory} bytes for tap-sessions of ${tapSessions}: ` +
    `give at least ${Math.ceil(wanted / 2 ** 20)}MiB, 128 KiB for each`
  return [{ setting: 'tap-memory', message }]
}
