import { once } from 'node:events'
import { serveSettings } from '../config/serve-settings.ts'
import { createLogger } from '../telemetry/logger.ts'
import { type RunningServe, startServe } from './serve.ts'

export interface ServeCommandOptions {
  /** By setting name. */
  readonly flags: Readonly<Record<string, string | undefined>>
  readonly demo: boolean
  readonly version: string
}

/** Runs `meshtap serve` until it is told to stop by SIGINT or SIGTERM. Throws a SettingError for a bad setting. */
export async function serve({ flags, demo, version }: ServeCommandOptions): Promise<void> {
  const settings = serveSettings(flags)
  const logger = createLogger({ isTerminal: process.stderr.isTTY })
  const fatal = Promise.withResolvers<never>()
  const stopped = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM'), fatal.promise])
  // It may come while nothing waits for it yet.
  stopped.catch(() => undefined)
  const running = await startServe({ settings, version, logger, onFatal: fatal.reject })
  try {
    process.stdout.write(banner(running, settings.data, version))
    const stopDemo = demo ? await startDemoTraffic(running, logger) : undefined
    if (demo) process.stdout.write(TRY_NEXT)
    await stopped.finally(stopDemo)
  } finally {
    await running.close()
  }
}

async function startDemoTraffic(
  running: RunningServe,
  log: { info(message: string): void; warn(message: string): void },
): Promise<() => Promise<void>> {
  const { startDemo } = await import('../demo/demo.ts')
  const demo = await startDemo({ ingestUrl: running.ingestUrl, log })
  return () => demo.close()
}

function banner({ gatewayUrl, ingestUrl }: RunningServe, data: string, version: string): string {
  return `meshtap ${version}
  data    ${data}
  API     ${gatewayUrl} (its documentation: ${gatewayUrl}/api/docs)
  ingest  ${ingestUrl}
`
}

const TRY_NEXT = `
A demo mesh is sending itself requests. Try next, in another terminal:
  npx meshtap stat deploy -n emojivoto
  npx meshtap top deploy/web -n emojivoto
  npx meshtap tap deploy/voting -n emojivoto --status failure
  npx meshtap edges deploy -n emojivoto
`
