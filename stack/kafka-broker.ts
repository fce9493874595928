import { cpSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from './free-port.ts'
import type { KafkaInstallation } from './kafka-jars.ts'
import { ServerProcess, ServerStartError } from './server-process.ts'

export interface BrokerOptions {
  readonly directory: string
  readonly port?: number
  readonly properties?: Readonly<Record<string, string>>
  /** Of java. */
  readonly flags: readonly string[]
}

const TRIES = 3

function propertiesOf(directory: string, port: number, controllerPort: number): Record<string, string> {
  const listener = `PLAINTEXT://127.0.0.1:${port}`
  return {
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    listeners: `${listener},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': listener,
    'controller.listener.names': 'CONTROLLER',
    'log.dirs': join(directory, 'data'),
    'auto.create.topics.enable': 'false',
    'num.partitions': '3',
    'offsets.topic.replication.factor': '1',
    'offsets.topic.num.partitions': '3',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
    'transaction.state.log.num.partitions': '3',
    'share.coordinator.state.topic.replication.factor': '1',
    'share.coordinator.state.topic.min.isr': '1',
    'share.coordinator.state.topic.num.partitions': '1',
    'group.initial.rebalance.delay.ms': '0',
    // A killed broker starts again only when its old session has ended.
    'broker.session.timeout.ms': '3000',
    'broker.heartbeat.interval.ms': '500',
    'log.segment.bytes': String(64 * 1024 * 1024),
    'log.cleaner.dedupe.buffer.size': String(16 * 1024 * 1024),
  }
}

const LOG_SETTINGS = `
rootLogger.level=warn
rootLogger.appenderRef.out.ref=OUT
logger.server.name=kafka.server.KafkaRaftServer
logger.server.level=info
appender.out.type=Console
appender.out.name=OUT
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=[%d] %p %m (%c)%n
`

/** Starts a broker with the data, if any, that are in its directory. */
export async function startBroker(
  { java, jars, formatted }: KafkaInstallation,
  options: BrokerOptions,
): Promise<{ readonly server: ServerProcess; readonly port: number }> {
  const { directory, properties, flags } = options
  mkdirSync(directory, { recursive: true })
  const data = join(directory, 'data')
  if (!existsSync(data)) cpSync(formatted, data, { recursive: true })
  const logSettings = join(directory, 'log4j2.properties')
  writeFileSync(logSettings, LOG_SETTINGS)
  const settings = join(directory, 'server.properties')
  const server = new ServerProcess({
    name: 'Kafka',
    command: java,
    args: [
      '-Xmx384m',
      '-XX:+UseSerialGC',
      ...flags,
      `-Dlog4j2.configurationFile=${logSettings}`,
      '-cp',
      join(jars, '*'),
      'kafka.Kafka',
      settings,
    ],
    logFile: join(directory, 'kafka.log'),
    readyText: 'Kafka Server started',
  })
  for (let tries = 1; ; tries++) {
    const port = options.port ?? (await freePort())
    const all = { ...propertiesOf(directory, port, await freePort()), ...properties }
    writeFileSync(
      settings,
      Object.entries(all)
        .map(([key, value]) => `${key}=${value}\n`)
        .join(''),
    )
    try {
      await server.start()
      return { server, port }
    } catch (error) {
      if (!(error instanceof ServerStartError && error.portTaken) || tries === TRIES) throw error
    }
  }
}
