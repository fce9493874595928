import { Aggregator } from '../aggregator/aggregator.ts'
import { SERVE_SETTINGS, type ServeSettings } from '../config/serve-settings.ts'
import { type HostPort, SettingError, variableOf } from '../config/setting.ts'
import type { ClassificationRules } from '../event/classification.ts'
import { createGateway } from '../gateway/gateway.ts'
import { TapHub } from '../gateway/tap-hub.ts'
import { createIngest } from '../ingest/ingest.ts'
import { EmbeddedEventLog } from '../log/embedded/embedded-event-log.ts'
import { QueryEngine } from '../query/query-engine.ts'
import { RouteTemplates } from '../rollup/route.ts'
import { EmbeddedRollupStore } from '../store/embedded/embedded-rollup-store.ts'
import { LocalTapBus } from '../tap/local/local-tap-bus.ts'
import { TapPublisher } from '../tap/tap-publisher.ts'
import type { Logger } from '../telemetry/logger.ts'

/** Topic of events, and of what could not be decoded. */
export const TOPIC = 'mesh.requests'
const DEAD_LETTER_TOPIC = 'mesh.requests.dead'

export interface ServeOptions {
  readonly settings: ServeSettings
  readonly version: string
  readonly logger: Logger
  /** Told of a failure that ends the role. */
  readonly onFatal: (error: unknown) => void
}

export interface RunningServe {
  /** Base URLs, with the ports that were really taken. */
  readonly gatewayUrl: string
  readonly ingestUrl: string
  /** Stops taking events, commits what was taken, and closes everything. Idempotent. */
  close(): Promise<void>
}

/** Runs every role in this process on the embedded adapters. Rejects with a SettingError for a bad route pattern. */
export async function startServe(options: ServeOptions): Promise<RunningServe> {
  const { settings, logger, version } = options
  const now = Date.now
  // What the servers say of themselves when all is well, the banner says already.
  const serverLogger = logger.child({}, { level: 'warn' })
  const routes = routeTemplates(settings.routes)
  const closers: (() => Promise<void>)[] = []
  /** In turn, the last opened first, each whatever the ones before did; rejects with the first failure. */
  const close = async () => {
    const failures: unknown[] = []
    for (const closer of closers.splice(0).toReversed()) await closer().catch((error) => failures.push(error))
    if (failures.length > 0) throw failures[0]
  }
  try {
    const log = await EmbeddedEventLog.open({
      path: `${settings.data}/log`,
      partitions: settings.partitions,
      maxBytes: settings.logMaxBytes,
      maxAgeMs: settings.logMaxAge,
      now,
      onError: (error, partition) =>
        logger.warn({ partition, error: String(error) }, 'a partition is read anew'),
    })
    closers.push(() => log.close())
    const store = await EmbeddedRollupStore.open({ path: `${settings.data}/store`, now })
    closers.push(() => store.close())

    const bus = new LocalTapBus()
    closers.push(() => bus.close())
    const flows = { routes, defaultCluster: settings.cluster }
    const rules = classificationRules(settings.classify)
    const publisher = await TapPublisher.open({ bus, flows, rules, now })
    closers.push(() => publisher.close())
    const aggregator = new Aggregator({
      log,
      topic: TOPIC,
      deadLetterTopic: DEAD_LETTER_TOPIC,
      flushMs: settings.flush,
      processor: {
        store,
        now,
        limits: {
          series: { perScope: settings.seriesPerNamespace, overall: settings.seriesOverall, scopes: 1000 },
          top: { capacity: settings.topCapacity, destinations: 20_000 },
          rules,
        },
        flows,
        observe: (columns) => publisher.observe(columns),
      },
      onTrouble: ({ message, ...where }) => logger.warn(where, message),
      onFatal: options.onFatal,
    })
    closers.push(() => aggregator.close())

    const taps = new TapHub({ bus })
    closers.push(() => taps.close())
    const ready = () =>
      aggregator.isReady ? { ready: true } : { ready: false, reason: 'partitions are not claimed yet' }
    const gateway = await createGateway({
      engine: new QueryEngine({ stores: [{ name: settings.cluster, store }], now }),
      taps,
      ready,
      version,
      logger: serverLogger,
      allowedHosts: settings.allowedHosts,
    })
    const ingest = await createIngest({
      log,
      topic: TOPIC,
      version,
      logger: serverLogger,
      now,
      allowedHosts: settings.allowedHosts,
    })
    // Together, since each waits for its clients, and a stop has one time to wait.
    closers.push(async () => {
      await Promise.all([gateway.close(), ingest.close()])
    })
    await Promise.all([
      listenOn(gateway, settings.listen, SERVE_SETTINGS.listen.name),
      listenOn(ingest, settings.ingestListen, SERVE_SETTINGS.ingestListen.name),
      aggregator.start(),
    ])
    return { gatewayUrl: gateway.listeningOrigin, ingestUrl: ingest.listeningOrigin, close }
  } catch (error) {
    await close()
    throw error
  }
}

interface Listener {
  listen(address: HostPort): Promise<unknown>
}

/** Rejects with the system's code, and words that name the address and the setting it came from. */
async function listenOn(server: Listener, address: HostPort, setting: string): Promise<void> {
  try {
    await server.listen(address)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === undefined) throw error
    const host = address.host.includes(':') ? `[${address.host}]` : address.host
    const why = code === 'EADDRINUSE' ? 'something else listens there' : message
    throw Object.assign(
      new Error(
        `cannot listen on ${host}:${address.port}: ${why}. ` +
          `Another address is given with --${setting} or ${variableOf(setting)}`,
        { cause: error },
      ),
      { code },
    )
  }
}

function routeTemplates(patterns: readonly string[]): RouteTemplates {
  try {
    return new RouteTemplates(patterns)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw new SettingError('routes', `--routes: ${error.message}`)
  }
}

function classificationRules(overrides: ServeSettings['classify']): ClassificationRules {
  const of = (wanted: 'http' | 'grpc') =>
    Object.fromEntries(
      overrides
        .filter(({ protocol }) => protocol === wanted)
        .map(({ status, classification }) => [status, classification]),
    )
  return { http: of('http'), grpc: of('grpc') }
}
