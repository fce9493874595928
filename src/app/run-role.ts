import type { LOG_SETTINGS } from '../config/log-settings.ts'
import { roleSettings } from '../config/role-settings.ts'
import type { Role } from '../config/roles.ts'
import type { Settings } from '../config/setting.ts'
import { createLogger, type Logger } from '../telemetry/logger.ts'
import { TroubleLog } from '../telemetry/trouble-log.ts'
import { roleMetrics } from './metrics/role-metrics.ts'
import { addTracingMetrics } from './metrics/tracing-metrics.ts'
import { Parts } from './parts.ts'
import type { Announcement, RoleContext } from './role-context.ts'
import { type RoleTracing, roleTracing } from './tracing.ts'

/** How long a role may take to stop. What is still open then is cut off, which loses nothing that the log has. */
const STOP_MS = 4_500

export interface RunRoleOptions<R extends Role> {
  readonly role: R
  /** Resolves once the role runs; rejects where it cannot. */
  readonly start: (context: RoleContext<R>) => Promise<Announcement>
  /** By setting name. */
  readonly flags: Readonly<Record<string, string | undefined>>
  readonly version: string
  /** Aborted when the role is to stop. */
  readonly stop: AbortSignal
  readonly isTerminal: boolean
  readonly write: (text: string) => void
}

/**
 * Runs a role until it is told to stop. Rejects with a SettingError for bad settings, and with whatever ends the role
 * against its will.
 */
export async function runRole<R extends Role>(options: RunRoleOptions<R>): Promise<void> {
  const { role, start, flags, version, stop, isTerminal, write } = options
  const settings = await roleSettings(role, { flags })
  let trouble: TroubleLog | undefined
  const tracing = await roleTracing(role, settings, {
    version,
    onTrouble: (told) => trouble?.of('tracing')(told),
  })
  const logger = roleLogger(role, settings, isTerminal, tracing)
  const fatal = Promise.withResolvers<never>()
  // It may come while nothing waits for it yet.
  fatal.promise.catch(() => undefined)
  const parts = new Parts()
  trouble = new TroubleLog(logger, Date.now)
  // First, so that it is closed last: what the others do while they are closed is told too.
  if (tracing !== undefined) parts.add('tracing', () => closeTracing(tracing, logger))
  try {
    const metrics = roleMetrics({ role, version, trouble })
    if (tracing !== undefined) addTracingMetrics(metrics, tracing)
    const announcement = await start({
      settings,
      version,
      logger,
      trouble,
      metrics,
      tracing,
      parts,
      onFatal: fatal.reject,
    })
    write(announced(`meshtap ${version} ${role}`, announcement))
    await Promise.race([aborted(stop), fatal.promise])
  } catch (error) {
    await closeInTime(parts, logger).catch((failure: unknown) =>
      logger.error({ err: failure }, 'a stop failed'),
    )
    throw error
  }
  await closeInTime(parts, logger)
}

type LogSettings = Settings<typeof LOG_SETTINGS>

function roleLogger(
  role: Role,
  { logLevel, logFormat }: LogSettings,
  isTerminal: boolean,
  tracing: RoleTracing | undefined,
): Logger {
  const isText = logFormat === 'text' || (logFormat === 'auto' && isTerminal)
  return createLogger({
    level: logLevel,
    format: isText ? 'text' : 'json',
    ...(tracing === undefined ? {} : { context: () => tracing.tracer.active?.ids ?? {} }),
  }).child({ role })
}

async function closeTracing(tracing: RoleTracing, logger: Logger): Promise<void> {
  const spans = await tracing.close()
  if (spans > 0) logger.warn({ spans }, 'spans were not sent before the end')
}

function announced(heading: string, announcement: Announcement): string {
  const width = Math.max(...announcement.map(([word]) => word.length))
  const lines = announcement.map(([word, text]) => `  ${word.padEnd(width)}  ${text}`)
  return `${[heading, ...lines].join('\n')}\n`
}

/** Rejects with the first failure; resolves when the time is up, saying what was cut off. */
async function closeInTime(parts: Parts, logger: Logger): Promise<void> {
  let cut: NodeJS.Timeout | undefined
  const timeIsUp = new Promise<void>((resolve) => {
    cut = setTimeout(() => {
      logger.warn({ part: parts.current }, `not closed within ${STOP_MS} ms; cut off`)
      resolve()
    }, STOP_MS)
  })
  try {
    await Promise.race([parts.close(), timeIsUp])
  } finally {
    clearTimeout(cut)
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
}
