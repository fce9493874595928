import type { Audit } from '../gateway/audit.ts'
import type { RoleContext } from './role-context.ts'

/** Writes who looked at what into the log, whatever else of it is wanted. */
export function auditLog({
  settings,
  logger,
}: Pick<RoleContext<'gateway' | 'serve'>, 'settings' | 'logger'>): Audit {
  if (!settings.auditLog) return () => {}
  const audit = logger.child({ logger: 'audit' }, { level: 'info' })
  return ({ what, ...entry }) => audit.info(entry, what)
}
