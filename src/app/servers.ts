import type { Logger } from '../telemetry/logger.ts'

/** How long a server that is stopped waits for answers under way: the rest of the stop has its time too. */
export const CLOSE_GRACE_MS = 2_000

/** What servers say of themselves when all is well, the announcement says already. */
export function serverLogger(logger: Logger): Logger {
  return logger.child({}, { level: logger.isLevelEnabled('debug') ? 'debug' : atLeastWarn(logger.level) })
}

function atLeastWarn(level: string): string {
  return level === 'info' ? 'warn' : level
}
