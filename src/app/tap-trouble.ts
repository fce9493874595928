import type { TroubleLog } from '../telemetry/trouble-log.ts'

/** Takes what the tap bus failed with, for which nothing stops. */
export function tapTrouble(trouble: TroubleLog): (error: unknown) => void {
  return (error) => {
    const message = error instanceof Error ? error.message : String(error)
    trouble.report({ kind: 'taps', message: `taps wait: ${message}` })
  }
}
