import { classArchive } from './kafka-classes.ts'
import { startBroker } from './kafka-broker.ts'
import { kafkaInstallation } from './kafka-jars.ts'
import { type RunningServer, runningServer } from './running-server.ts'

export interface KafkaOptions {
  /** Holds data, settings and log of the broker. What an earlier broker left there is served again. */
  readonly directory: string
  /** A free one by default. */
  readonly port?: number
  /** Of server.properties, over those that it has by default. */
  readonly properties?: Readonly<Record<string, string>>
  /** Compile less: half the processor time to start, less of it saved later. For a broker of a few seconds. */
  readonly isBrief?: boolean
}

/** One broker, which is its own controller. */
export interface KafkaServer extends RunningServer {
  /** What clients connect to, `127.0.0.1:port`. */
  readonly brokers: string
}

/**
 * Starts a broker in `directory`, from jars that are fetched once into the user's cache.
 *
 * @throws MissingPartError where Java or Maven is missing
 * @throws ServerStartError where it does not come up; with the end of its log
 */
export async function startKafka({ isBrief = false, ...options }: KafkaOptions): Promise<KafkaServer> {
  const installation = await kafkaInstallation()
  const archive = await classArchive(installation)
  const flags = [
    ...(archive === undefined ? [] : [`-XX:SharedArchiveFile=${archive}`]),
    ...(isBrief ? ['-XX:TieredStopAtLevel=1'] : []),
  ]
  const { server, port } = await startBroker(installation, { ...options, flags })
  return runningServer(server, { brokers: `127.0.0.1:${port}` })
}
